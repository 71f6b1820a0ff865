use galerna::*;
fn main() {
    let a: Vec<String> = std::env::args().collect();
    let ov = a[2..].iter().map(|s| spec::Override::parse(s).unwrap()).collect();
    let s = match spec::load(a[1].as_ref(), ov) {
        Ok(s) => s,
        Err(e) => {
            eprintln!("{e}");
            std::process::exit(2)
        }
    };
    let t = std::time::Instant::now();
    let i = match spec::Inputs::read(&s) {
        Ok(s) => s,
        Err(e) => {
            eprintln!("{e}");
            std::process::exit(2)
        }
    };
    eprintln!("read {:?}", t.elapsed());
    for _ in 0..std::env::var("REPS").map_or(7, |v| v.parse().unwrap()) {
        let t = std::time::Instant::now();
        let p = spec::policies(&s, &i.fleet);
        let o = engine::run(&i.fleet, &i.trace, &i.rules, p, &mut |_| {
            std::ops::ControlFlow::Continue(())
        });
        eprintln!("run {:?}", t.elapsed());
        match o {
            Ok(o) => {
                if std::env::var("DUMP").is_ok() {
                    for a in &o.record.actions {
                        if a.kind == model::ActionKind::MigrationStart {
                            println!(
                                "{},{},{},{}",
                                a.seconds,
                                a.vm.unwrap().0,
                                a.from.unwrap().0,
                                a.to.unwrap().0
                            );
                        }
                    }
                    break;
                }
                println!("{:#?} {}", o.summary, o.record.event_log_blake3());
            }
            Err(e) => println!("{e}"),
        }
    }
}
