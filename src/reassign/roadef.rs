//! The files of the ROADEF/EURO challenge 2012: a model, and assignments for it.
//!
//! Numbers separated by white space, in this order (all indices from 0):
//!
//! ```text
//! resources, each: transient (0 or 1), load weight
//! machines, each: neighbourhood, location, capacities, safety capacities, move costs to machines
//! services, each: least spread, number of dependencies, their services
//! processes, each: service, needs, move cost
//! balances, each: first resource, second resource, target, weight
//! weights of process, service and machine moves
//! ```
//!
//! An assignment is one machine per process. Either may be packed with xz or gzip.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{Cursor, Read};
use std::path::Path;

use liblzma::read::XzDecoder;

use super::error::Error;
use super::instance::{Balance, Instance, Items, Machines, MoveWeights, Services};
use super::numbers::Numbers;
use crate::problem::Problem;

/// Text of a file as it is, or unpacked where its first bytes say xz or gzip.
///
/// # Errors
///
/// GLN-540 when it cannot be read.
pub fn read_text(path: &Path) -> Result<Vec<u8>, Error> {
    let unpacked = || -> std::io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        File::open(path)?.read_to_end(&mut bytes)?;
        let mut text = Vec::new();
        match bytes.as_slice() {
            [0xFD, b'7', b'z', b'X', b'Z', 0, ..] => {
                XzDecoder::new_multi_decoder(Cursor::new(bytes)).read_to_end(&mut text)?;
            }
            [0x1F, 0x8B, ..] => {
                flate2::read::MultiGzDecoder::new(Cursor::new(bytes)).read_to_end(&mut text)?;
            }
            _ => return Ok(bytes),
        }
        Ok(text)
    };
    unpacked().map_err(|cause| {
        let remedy = "Check that the path exists, that you may read it and that it is whole";
        let what = format!("cannot be read ({cause})");
        Problem::new("GLN-540", path.display().to_string(), what, remedy).into()
    })
}

/// The problem that `model` and `start` state; `places` are their names in messages.
///
/// # Errors
///
/// GLN-541 to GLN-544, all problems of both files together.
///
/// ```
/// use galerna::reassign::roadef;
///
/// // One resource; two machines with capacities 4 and 3 and safety capacities 2 and 3; one
/// // service; a process that needs 3.
/// let model = "1  0 10  2  0 0 4 2 0 1  0 1 3 3 1 0  1  0 0  1  0 3 5  0  1 10 100";
/// let instance = roadef::parse((model.as_bytes(), "model"), (b"0", "start"))?;
/// assert_eq!(instance.demand(0), [3]);
/// # Ok::<(), galerna::reassign::Error>(())
/// ```
pub fn parse(model: (&[u8], &str), start: (&[u8], &str)) -> Result<Instance, Error> {
    let instance = parse_model(model.0, model.1);
    let sizes = instance.as_ref().ok().map(|i| (i.item_count(), i.machine_count()));
    let placed = sizes.map(|(items, machines)| parse_assignment(start, items, machines));
    match (instance, placed) {
        (Ok(mut instance), Some(Ok(start))) => {
            instance.start = start;
            instance.check_range(model.1)?;
            Ok(instance)
        }
        (Err(error), _) | (_, Some(Err(error))) => Err(error),
        (Ok(_), None) => unreachable!("a model that could be read has sizes"),
    }
}

fn parse_model(text: &[u8], place: &str) -> Result<Instance, Error> {
    let mut numbers = Numbers::of(text, place);
    let mut instance = Instance::default();
    for resource in 0..numbers.count("the number of resources", 2) {
        let what = format!("whether resource {resource} is transient");
        instance.transient.push(numbers.index(&what, 2) == 1);
        instance.load_weight.push(numbers.amount("a load weight"));
    }
    instance.machines = machines(&mut numbers, instance.resources());
    instance.services = services(&mut numbers);
    let services = instance.services.spread.len();
    instance.items = items(&mut numbers, services, instance.resources());
    for _ in 0..numbers.count("the number of balance costs", 4) {
        let first = numbers.index("the first resource of a balance", instance.resources()) as usize;
        let second =
            numbers.index("the second resource of a balance", instance.resources()) as usize;
        let (target, weight) = (numbers.amount("a target"), numbers.amount("a balance weight"));
        instance.balances.push(Balance { first, second, target, weight });
    }
    instance.weights = MoveWeights {
        item: numbers.amount("the weight of process moves"),
        service: numbers.amount("the weight of service moves"),
        machine: numbers.amount("the weight of machine moves"),
    };
    numbers.finish(instance)
}

fn machines(numbers: &mut Numbers<'_>, resources: usize) -> Machines {
    let count = numbers.count("the number of machines", 3 + 2 * resources);
    let mut machines = Machines::default();
    for machine in 0..count {
        if numbers.is_over() {
            break;
        }
        machines.neighbourhood.push(numbers.index("a neighbourhood", count));
        machines.location.push(numbers.index("a location", count));
        for _ in 0..resources {
            machines.capacity.push(numbers.amount("a capacity"));
        }
        for _ in 0..resources {
            machines.safety.push(numbers.amount("a safety capacity"));
        }
        for other in 0..count {
            let cost = numbers.number("a machine move cost");
            if other == machine && cost != 0 {
                let wrong = format!("staying on machine {machine} costs {cost}, expected 0");
                numbers.report("GLN-541", wrong, "Write 0");
            }
            machines.move_cost.push(cost);
        }
    }
    machines
}

fn services(numbers: &mut Numbers<'_>) -> Services {
    let count = numbers.count("the number of services", 2);
    let mut services = Services::default();
    for _ in 0..count {
        services.spread.push(numbers.number("a least spread"));
        let needs = numbers.count("a number of dependencies", 1);
        let row: Vec<u32> =
            (0..needs).map(|_| numbers.index("a service to depend on", count)).collect();
        services.dependencies.push(row);
    }
    services
}

fn items(numbers: &mut Numbers<'_>, services: usize, resources: usize) -> Items {
    let mut items = Items::default();
    for _ in 0..numbers.count("the number of processes", 2 + resources) {
        items.service.push(numbers.index("the service of a process", services));
        for _ in 0..resources {
            items.demand.push(numbers.amount("a need"));
        }
        items.move_cost.push(numbers.amount("a process move cost"));
    }
    items
}

fn parse_assignment(
    (text, place): (&[u8], &str),
    items: usize,
    machines: usize,
) -> Result<Vec<u32>, Error> {
    let mut numbers = Numbers::of(text, place);
    let mut machine =
        |item: usize| numbers.index(&format!("the machine of process {item}"), machines);
    let assignment = (0..items).map(&mut machine).collect();
    numbers.finish(assignment)
}

/// `assignment` as a file holds it.
pub fn assignment_text(assignment: &[u32]) -> String {
    let words: Vec<String> = assignment.iter().map(u32::to_string).collect();
    words.join(" ") + "\n"
}

/// `instance` as a model file holds it.
pub fn model_text(instance: &Instance) -> String {
    let mut text = String::new();
    let mut line = |numbers: &mut dyn Iterator<Item = i64>| {
        let words: Vec<String> = numbers.map(|number| number.to_string()).collect();
        writeln!(text, "{}", words.join(" ")).expect("a string takes any text");
    };
    let Instance { machines, items, services, .. } = instance;
    line(&mut [instance.resources() as i64].into_iter());
    for (&transient, &weight) in instance.transient.iter().zip(&instance.load_weight) {
        line(&mut [i64::from(transient), weight].into_iter());
    }
    line(&mut [instance.machine_count() as i64].into_iter());
    for machine in 0..instance.machine_count() {
        let row = instance.row(machine as u32);
        let places = [machines.neighbourhood[machine], machines.location[machine]];
        let ways = &machines.move_cost[machine * instance.machine_count()..];
        let ways = ways.iter().take(instance.machine_count());
        let (have, safe) = (&machines.capacity[row.clone()], &machines.safety[row]);
        let amounts = have.iter().chain(safe).copied();
        line(&mut places.map(i64::from).into_iter().chain(amounts).chain(ways.map(|&w| w.into())));
    }
    line(&mut [instance.service_count() as i64].into_iter());
    for service in 0..instance.service_count() as u32 {
        let needs = services.dependencies.row(service);
        let head = [services.spread[service as usize], needs.len() as u32];
        line(&mut head.iter().chain(needs).map(|&n| i64::from(n)));
    }
    line(&mut [instance.item_count() as i64].into_iter());
    for item in 0..instance.item_count() {
        let (service, cost) = (i64::from(items.service[item]), items.move_cost[item]);
        let needs = instance.demand(item as u32).iter().copied();
        line(&mut [service].into_iter().chain(needs).chain([cost]));
    }
    line(&mut [instance.balances.len() as i64].into_iter());
    for b in &instance.balances {
        line(&mut [b.first as i64, b.second as i64, b.target, b.weight].into_iter());
    }
    let MoveWeights { item, service, machine } = instance.weights;
    line(&mut [item, service, machine].into_iter());
    text
}
