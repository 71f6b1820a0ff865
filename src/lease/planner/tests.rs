//! The planner against looking at every instant, and against being cut off at any byte.

use std::fs;

use super::*;
use crate::model::lease::RESOURCES;
use crate::random::{Stream, below, stream};

fn draw(random: &mut Stream, from: i64, to: i64) -> i64 {
    from + below((to - from) as usize, random) as i64
}

/// 50 minutes: some hours are touched by two bookings, some by none.
const TICK: i64 = 3_000_000_000;

fn tick(count: i64) -> Instant {
    Instant(count * TICK)
}

fn request(random: &mut Stream) -> Request {
    let earliest = draw(random, 0, 60);
    let window = if below(3, random) == 0 { 0 } else { draw(random, 0, 40) };
    Request {
        nodes: draw(random, 1, 6) as u32,
        need: need([draw(random, 1, 5), draw(random, 0, 4), 0, draw(random, 0, 3).max(1) - 1]),
        duration: Span(draw(random, 1, 30) * TICK),
        earliest: tick(earliest),
        latest: tick(earliest + window),
    }
}

const HORIZON: i64 = 400;

/// What is free on each host at each instant, from the list of reservations.
fn vector(planner: &Planner) -> Vec<Vec<Need>> {
    let mut free: Vec<Vec<Need>> =
        planner.site.hosts.iter().map(|&all| vec![all; HORIZON as usize]).collect();
    for reserved in planner.reservations() {
        for &host in &reserved.hosts {
            for time in reserved.start.0 / TICK..(reserved.end.0 / TICK).min(HORIZON) {
                let free = &mut free[host as usize][time as usize];
                *free = std::array::from_fn(|k| free[k] - reserved.need[k]);
            }
        }
    }
    free
}

/// How many nodes fit from tick `start` on.
fn brute(free: &[Vec<Need>], request: &Request, start: i64) -> i64 {
    let nodes = |host: &Vec<Need>| {
        let inside = &host[start as usize..(start + request.duration.0 / TICK) as usize];
        let fits = inside.iter().map(|free| {
            let asked = (0..RESOURCES).filter(|&k| request.need[k] > 0);
            let by = asked.map(|k| free[k] / request.need[k]);
            by.min().unwrap_or(0)
        });
        fits.min().unwrap_or(0)
    };
    free.iter().map(nodes).sum()
}

#[test]
fn every_answer_agrees_with_looking_at_every_instant() {
    for seed in 0..120 {
        let random = &mut stream(seed, "planner.fuzz");
        let hosts = draw(random, 1, 6);
        let mut site = Site::uniform(0, 0, 0);
        site.hosts.extend(
            (0..hosts)
                .map(|_| need([draw(random, 2, 9), draw(random, 2, 7), 0, draw(random, 0, 4)])),
        );
        let mut planner = Planner::new(site);
        for _ in 0..40 {
            let request = request(random);
            let Ok(answer) = planner.ask(&request, 5) else { continue };
            let free = vector(&planner);
            let wanted = i64::from(request.nodes);
            let starts = request.earliest.0 / TICK..=request.latest.0 / TICK;
            let first = starts.into_iter().find(|&at| brute(&free, &request, at) >= wanted);
            match (&answer, first) {
                (Answer::Room(offer), Some(start)) => {
                    assert_eq!(offer.parts[0].start, tick(start), "seed {seed}");
                    let now = Instant(0);
                    let id = planner.hold(&request, "x", now, Instant(1)).expect("there is room");
                    planner.commit(id, now).expect("it is held");
                    if below(3, random) == 0 {
                        let ids: Vec<u64> = planner.reservations().map(|r| r.id).collect();
                        planner.cancel(ids[below(ids.len(), random)]).expect("it is there");
                    }
                }
                (Answer::Refused(refusal, offers), None) => {
                    let at = request.earliest.0 / TICK;
                    assert_eq!(i64::from(refusal.fitting), brute(&free, &request, at));
                    judge(&free, &request, offers);
                }
                _ => panic!("seed {seed}: {answer:?}, looked at: {first:?}"),
            }
            let free = vector(&planner);
            assert!(free.iter().flatten().flatten().all(|&free| free >= 0));
        }
    }
}

/// Every offer can be had, and the first later one is the first there is.
fn judge(free: &[Vec<Need>], request: &Request, offers: &[Offer]) {
    for offer in offers {
        for part in &offer.parts {
            let nodes = part.hosts.len() as u32;
            let duration = part.end - part.start;
            let asked = Request { nodes, duration, ..request.clone() };
            assert!(duration.0 > 0 && nodes > 0);
            assert!(brute(free, &asked, part.start.0 / TICK) >= i64::from(nodes), "{offer:?}");
        }
        let total: i64 = offer.parts.iter().map(|part| part.end.0 - part.start.0).sum();
        let whole = total == request.duration.0;
        let nodes = offer.parts[0].hosts.len() == request.nodes as usize;
        let (full, fewer) = (whole && nodes, whole && !nodes);
        match offer.kind {
            OfferKind::AsAsked => panic!("it was refused"),
            OfferKind::Displacing => panic!("nobody allows it"),
            OfferKind::Later | OfferKind::Split => assert!(full, "{offer:?}"),
            OfferKind::Shorter => assert!(!whole && nodes, "{offer:?}"),
            OfferKind::FewerNodes => assert!(fewer, "{offer:?}"),
        }
    }
    if let Some(later) = offers.iter().find(|offer| offer.kind == OfferKind::Later) {
        let mut starts = request.latest.0 / TICK + 1..HORIZON - request.duration.0 / TICK;
        let first = starts.find(|&at| brute(free, request, at) >= i64::from(request.nodes));
        assert_eq!(Some(later.parts[0].start), first.map(tick));
    }
}

/// Random changes; returns the file's length and the state after each.
fn history(planner: &mut Planner, path: &std::path::Path) -> Vec<(u64, Vec<Reserved>)> {
    let random = &mut stream(5, "planner.crash");
    let mut states = Vec::new();
    for turn in 0..150 {
        let now = tick(turn);
        let ids: Vec<u64> = planner.reservations().map(|r| r.id).collect();
        let id = if ids.is_empty() { 0 } else { ids[below(ids.len(), random)] };
        let mut request = request(random);
        request.earliest = Instant(request.earliest.0 + turn * TICK);
        request.latest = Instant(request.latest.0 + turn * TICK);
        // Some of these fail, which must not change anything.
        let before: Vec<Reserved> = planner.reservations().cloned().collect();
        let done = match draw(random, 0, 12) {
            0..=4 => planner.hold(&request, "x", now, tick(turn + 9)).map(|_| ()),
            5..=7 => planner.commit(id, now),
            8 => planner.cancel(id),
            9 => planner.extend(id, tick(turn + draw(random, 1, 60))),
            10 => planner.move_to(id, tick(turn + draw(random, 0, 60)), now),
            _ => {
                planner.hold_all(&[request.clone(), request], "y", now, tick(turn + 9)).map(|_| ())
            }
        };
        let expired = planner.expire(now);
        expired.expect("the file takes it");
        let after: Vec<Reserved> = planner.reservations().cloned().collect();
        if done.is_err() {
            let kept = |r: &Reserved| !matches!(r.standing, Standing::Held(until) if until <= now);
            let expected: Vec<Reserved> = before.into_iter().filter(kept).collect();
            assert_eq!(after, expected, "a refusal changes nothing");
        }
        let length = fs::metadata(path).expect("it is there").len();
        states.push((length, after));
    }
    states
}

/// The file is cut at 1000 places: what opens is a state between the last that was whole and the
/// next, and everything committed by then is there.
#[test]
fn a_crash_at_any_byte_loses_no_promise_and_invents_none() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("plan.jsonl");
    let mut planner = Planner::create(&path, Site::uniform(4, 8, 8)).expect("it is new");
    assert!(Planner::create(&path, Site::uniform(1, 8, 8)).is_err(), "nothing is overwritten");
    let start = fs::metadata(&path).expect("it is there").len();
    let states = history(&mut planner, &path);
    let whole = fs::read(&path).expect("it is there");
    let random = &mut stream(6, "planner.cuts");
    let torn = folder.path().join("torn.jsonl");
    for turn in 0..1000 {
        let cut = draw(random, start as i64, whole.len() as i64 + 1) as u64;
        fs::write(&torn, &whole[..cut as usize]).expect("there is space");
        // Opening for changes takes a lock: not every time.
        let opened = if turn % 50 == 0 { Planner::open(&torn) } else { Planner::read(&torn) };
        let opened = opened.expect("a torn file opens");
        let found: Vec<Reserved> = opened.reservations().cloned().collect();
        let last = states.iter().rev().find(|(length, _)| *length <= cut);
        let before: &[Reserved] = last.map_or(&[], |(_, state)| state);
        let next = states.iter().find(|(length, _)| *length > cut);
        let promised = |r: &&Reserved| r.standing == Standing::Committed;
        let between =
            |r: &&Reserved| before.contains(r) || next.is_some_and(|(_, state)| state.contains(r));
        // A step can hold two lines: what expired, and what was done.
        assert!(found.iter().filter(promised).all(|r| between(&r)), "invented at {cut}");
        let dropped = |r: &&Reserved| next.is_some_and(|(_, state)| !state.contains(r));
        let lost = before.iter().filter(promised).find(|r| !found.contains(r) && !dropped(r));
        assert_eq!(lost, None, "lost at {cut}");
        assert_eq!(vector(&opened), vector_of(&found), "calendars follow the list");
    }
}

fn vector_of(reserved: &[Reserved]) -> Vec<Vec<Need>> {
    let mut planner = Planner::new(Site::uniform(4, 8, 8));
    planner.apply(Change { remove: Vec::new(), put: reserved.to_vec() });
    let calendars = planner
        .free
        .iter()
        .map(|calendar| (0..HORIZON).map(|time| calendar.at(tick(time))).collect());
    calendars.collect()
}

#[test]
fn a_damaged_file_is_refused_with_its_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("plan.jsonl");
    let head = "{\"galerna-planner\":1,\"hosts\":[[8,8]]}\n";
    for (text, line) in [
        ("nonsense\n".to_owned(), 1),
        (String::new(), 1),
        (head.replace(":1,", ":2,"), 1),
        (format!("{head}{{\"remove\":[1]}}\n{{\"put\":[7]}}\n"), 3),
    ] {
        fs::write(&path, text).expect("there is space");
        let error = Planner::open(&path).expect_err("it is damaged").to_string();
        assert!(
            error.starts_with("GLN-514") && error.contains(&format!("jsonl:{line}: ")),
            "{error}"
        );
    }
}

#[test]
fn holds_expire_groups_are_atomic_and_senseless_requests_are_refused() {
    let mut planner = Planner::new(Site::uniform(2, 4, 4));
    let at = |start| Request {
        nodes: 2,
        need: need([4, 4]),
        duration: Span(10),
        earliest: Instant(start),
        latest: Instant(start),
    };
    let now = Instant(0);
    let id = planner.hold(&at(10), "a", now, Instant(5)).expect("all is free");
    assert!(matches!(planner.hold(&at(15), "b", now, Instant(5)), Err(PlanError::NoRoom(_))));
    planner.hold(&at(15), "b", Instant(5), Instant(9)).expect("the first hold is over");
    assert!(matches!(planner.commit(id, Instant(5)), Err(PlanError::Unknown { .. })));
    let group = Planner::recurring(&at(40), Span(20), 3).expect("they do not overlap");
    let ids = planner.hold_all(&group, "c", Instant(9), Instant(30)).expect("all is free");
    assert_eq!(planner.reservations().count(), 3);
    let clash = [at(90), at(65)];
    assert!(planner.hold_all(&clash, "d", Instant(9), Instant(30)).is_err());
    assert_eq!(planner.reservations().count(), 3, "not even the first of the group is there");
    planner.commit_all(&ids, Instant(9)).expect("all are held");
    assert!(Planner::recurring(&at(40), Span(9), 2).is_err());
    for wrong in [
        Request { nodes: 0, ..at(10) },
        Request { duration: Span(0), ..at(10) },
        Request { need: need([5, 1]), ..at(10) },
        Request { need: need([-1, 1]), ..at(10) },
        Request { latest: Instant(3), ..at(10) },
        at(-1),
    ] {
        let refused = planner.hold(&wrong, "e", now, Instant(1));
        assert!(matches!(refused, Err(PlanError::Senseless { .. })), "{wrong:?}");
    }
}

#[test]
fn a_failed_host_is_healed_where_there_is_room() {
    let mut planner = Planner::new(Site::uniform(3, 4, 4));
    let one = |start, nodes| Request {
        nodes,
        need: need([4, 4]),
        duration: Span(10),
        earliest: Instant(start),
        latest: Instant(start),
    };
    let now = Instant(0);
    let [a, b, c] = [one(10, 2), one(30, 3), one(50, 1)]
        .map(|request| planner.hold(&request, "x", now, Instant(9)).expect("there is room"));
    planner.commit_all(&[a, b, c], now).expect("all are held");
    let healing = planner.fail(0, Instant(20)).expect("it is a host");
    assert_eq!(healing, Healing { moved: vec![c], lost: vec![b] });
    assert_eq!(planner.reservation(c).expect("it was kept").hosts, [1]);
    assert_eq!(planner.reservation(a).expect("it was over").hosts, [0, 1]);
    assert!(planner.extend(a, Instant(21)).is_err(), "host 0 is gone from 20 on");
    planner.extend(a, Instant(20)).expect("it is what it was");
    planner.shrink(a, 1).expect("it has two");
    planner.move_to(c, Instant(12), now).expect("two hosts are free");
    assert!(planner.maintain(7, now, Instant(1), "x").is_err());
}

/// Bookings years before and after the first are found as well: hours that are not covered are
/// looked up in the calendar.
#[test]
fn bookings_far_from_the_first_are_found() {
    let year = Span::from_seconds(366.0 * 86_400.0);
    let mut planner = Planner::new(Site::uniform(1, 4, 4));
    let at = |years: i64| Request {
        nodes: 1,
        need: need([4, 4]),
        duration: Span(30 * TICK),
        earliest: tick(0) + year * years,
        latest: tick(0) + year * years,
    };
    let (now, late) = (Instant(i64::MIN), Instant(i64::MAX));
    for years in [10, 7, 3, 9, 8, 14, 12, 6] {
        let id = planner.hold(&at(years), "x", now, late).expect("there is room");
        assert!(planner.hold(&at(years), "y", now, late).is_err(), "it is taken: {years}");
        planner.cancel(id).expect("it is there");
        planner.hold(&at(years), "z", now, late).expect("it is free again");
    }
    for years in [10, 7, 3, 9, 8, 14, 12, 6] {
        assert!(planner.hold(&at(years), "y", now, late).is_err(), "it is taken: {years}");
    }
}

/// A booking that begins too early to be noted keeps the hours after it uncovered.
#[test]
fn hours_of_a_booking_that_is_not_noted_are_never_taken_for_idle() {
    let day = Span::from_seconds(86_400.0);
    let mut planner = Planner::new(Site::uniform(1, 4, 4));
    let mut hold = |day_of_start: i64, days: i64, cpu: i64| {
        let start = tick(0) + day * day_of_start;
        let (duration, need) = (day * days, need([cpu, 1]));
        let request = Request { nodes: 1, need, duration, earliest: start, latest: start };
        planner.hold(&request, "x", Instant(i64::MIN), Instant(i64::MAX))
    };
    hold(3650, 1, 1).expect("all is free");
    hold(2150, 100, 2).expect("all is free");
    hold(2220, 1, 1).expect("half is free");
    assert!(hold(2230, 1, 4).is_err(), "half of it is taken");
    hold(2230, 1, 2).expect("the other half is free");
}
