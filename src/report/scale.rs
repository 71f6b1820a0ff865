//! From times to places on the drawing, and which times are written at its foot.

use std::fmt::Write;

use crate::time::Instant;

const DAY_S: f64 = 86_400.0;
/// Distances between ticks, seconds: those of clocks and calendars.
const STEPS_S: [f64; 14] = [
    10.0,
    30.0,
    60.0,
    300.0,
    900.0,
    3600.0,
    10_800.0,
    21_600.0,
    43_200.0,
    DAY_S,
    172_800.0,
    604_800.0,
    2_592_000.0,
    31_536_000.0,
];
/// So many ticks at most.
const TICKS: f64 = 14.0;

/// A stretch of time on a stretch of the drawing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Scale {
    pub left: f64,
    pub width: f64,
    pub begin: f64,
    pub end: f64,
}

impl Scale {
    /// Where `instant` is.
    pub fn x(self, instant: Instant) -> f64 {
        self.of_seconds(instant.seconds())
    }

    pub fn of_seconds(self, seconds: f64) -> f64 {
        let share = (seconds - self.begin) / (self.end - self.begin).max(1.0);
        self.left + share.clamp(0.0, 1.0) * self.width
    }

    /// Lines from `top` to `bottom`, with their times below.
    pub fn grid(self, top: f64, bottom: f64, svg: &mut String) {
        let rough = (self.end - self.begin) / TICKS;
        let step = STEPS_S.into_iter().find(|step| *step >= rough).unwrap_or(rough);
        let mut at = (self.begin / step).ceil() * step;
        while at <= self.end {
            let x = self.of_seconds(at);
            let (y, label) = (bottom + 14.0, clock(at, step));
            write!(
                svg,
                "<path class='grid' d='M{x:.1} {top:.1}V{bottom:.1}'/>\
                 <text x='{x:.1}' y='{y:.1}' text-anchor='middle'>{label}</text>"
            )
            .expect("a string");
            at += step;
        }
    }
}

/// A time in days and hours, as finely as the steps are.
fn clock(seconds: f64, step: f64) -> String {
    let (day, rest) = ((seconds / DAY_S).floor(), seconds.rem_euclid(DAY_S) as u32);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    if step >= DAY_S {
        return format!("day {day}");
    }
    let day = if day > 0.0 { format!("d{day} ") } else { String::new() };
    if step < 60.0 {
        format!("{day}{hour:02}:{minute:02}:{second:02}")
    } else {
        format!("{day}{hour:02}:{minute:02}")
    }
}
