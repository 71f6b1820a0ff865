//! Writes the bundled workload of leases anew: `cargo run --release --example make_leases -- FILE`.
//!
//! Two days of batch jobs on 8 hosts, with reservations, some leases of every other kind, and a
//! disk image for one lease in three.

use std::error::Error;
use std::fs::File;
use std::io::BufWriter;

use galerna::lease::format::write_lwf;
use galerna::lease::generate::{Jobs, Reservations, jobs, need, reservations};
use galerna::model::lease::{LeaseKind, Site, Software, Workload};
use galerna::time::Span;

const SEED: u64 = 2009;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("give the path of the file to write")?;
    let (hour, length) = (Span::from_seconds(3600.0), Span::from_seconds(2.0 * 86_400.0));
    let parameters =
        Jobs { count: 60, length, nodes: 1..=12, duration_s: 900..=43_200, need: need(100, 1024) };
    let mut leases = jobs(&parameters, SEED);
    for (turn, lease) in leases.iter_mut().enumerate() {
        match turn % 15 {
            7 => lease.kind = LeaseKind::Immediate,
            11 => {
                let (start, room) = (lease.arrival + hour, lease.duration + hour * 8);
                lease.kind = LeaseKind::Deadline { start, deadline: start + room };
            }
            _ => {}
        }
    }
    let description =
        "Synthetic: batch jobs, reservations, immediate and deadline leases on 8 hosts".to_owned();
    let site = Some(Site::uniform(8, 200, 4096));
    let name = "sample".to_owned();
    let mut workload = Workload { name, description, site, leases, ..Workload::default() };
    let (share, duration, nodes) = (0.15, hour * 2, 4..=8);
    let (notice, need) = (hour * 6, need(200, 2048));
    let reserved = Reservations { hosts: 8, length, share, duration, nodes, notice, need };
    let leases = reservations(&reserved, SEED);
    workload.merge(Workload { leases, ..Workload::default() });
    let images = ["debian", "scientific", "web"].map(|image| workload.image(image));
    for (turn, lease) in workload.leases.iter_mut().enumerate() {
        lease.number = turn as u64 + 1;
        if turn % 3 == 0 {
            lease.software = Software::Image { image: images[turn / 3 % 3], size: 600 };
        }
    }
    Ok(write_lwf(&workload, BufWriter::new(File::create(path)?))?)
}
