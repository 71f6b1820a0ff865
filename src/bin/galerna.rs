//! The command `galerna`; everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    galerna::cli::main(std::env::args_os())
}
