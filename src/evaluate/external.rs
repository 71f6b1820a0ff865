//! Forecasts that other tools made of the same points, from a csv file.
//!
//! ```text
//! model,vm,origin,horizon,point,q0.9,q0.95
//! lgbm,0,100,1,0.31,0.45,0.52
//! ```
//!
//! `vm`: row of the VM in the test part, `origin`: sample of the panel at which the forecast is
//! made, `horizon`: samples ahead; values are fractions of the VM's capacity. Quantiles that are
//! not given are not judged. Every point of every model must be there, once.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use super::trial::{Said, Trial};
use crate::forecast::{Asked, Error};
use crate::problem::Problem;

/// One model of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct External {
    /// Its name.
    pub model: String,
    /// What it said.
    pub said: Said,
}

/// The columns that every file begins with.
const COLUMNS: [&str; 5] = ["model", "vm", "origin", "horizon", "point"];

/// A text of the points that are to be forecast: `vm,name,origin,horizon`.
pub fn write_points(trial: &Trial, asked: &Asked, names: &[String]) -> String {
    let mut text = "vm,name,origin,horizon\n".to_owned();
    for origin in trial.origins(asked) {
        for (vm, name) in names.iter().enumerate() {
            for horizon in &asked.horizons {
                let name = name.replace(['"', ',', '\n', '\r'], "_");
                let _ = writeln!(text, "{vm},{name},{origin},{horizon}");
            }
        }
    }
    text
}

/// Reads the forecasts of `path`.
///
/// # Errors `GLN-166` for every line that is not of the form, is no point of the trial or is there
/// twice, and for every model that misses points.
pub fn read_external(path: &Path, trial: &Trial, asked: &Asked) -> Result<Vec<External>, Error> {
    let place = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|cause| {
        Error::one("GLN-166", &place, cause.to_string(), "Check path and permissions")
    })?;
    Reader::new(&place, trial, asked).read(&text)
}

struct Reader<'a> {
    place: &'a str,
    asked: &'a Asked,
    vms: usize,
    /// Where in the rows each origin begins.
    origins: BTreeMap<usize, usize>,
    problems: Vec<Problem>,
    models: Vec<(String, Vec<f32>, Vec<bool>)>,
}

impl<'a> Reader<'a> {
    fn new(place: &'a str, trial: &Trial, asked: &'a Asked) -> Self {
        let origins = trial.origins(asked).into_iter().enumerate().map(|(at, o)| (o, at)).collect();
        let vms = trial.panel().vms();
        Self { place, asked, vms, origins, problems: Vec::new(), models: Vec::new() }
    }

    fn fault(&mut self, line: usize, what: String, remedy: &str) {
        let place = format!("{}:{line}", self.place);
        self.problems.push(Problem::new("GLN-166", place, what, remedy));
    }

    fn read(mut self, text: &str) -> Result<Vec<External>, Error> {
        let mut lines = text.lines().enumerate();
        let header: Vec<&str> = lines.next().map_or("", |(_, line)| line).split(',').collect();
        let levels = self.levels(&header);
        if self.problems.is_empty() {
            for (at, line) in lines.filter(|(_, line)| !line.trim().is_empty()) {
                if let Err(what) = self.line(line, header.len(), &levels) {
                    self.fault(at + 1, what, "Write each point of the test part once");
                }
            }
            self.gaps();
        }
        if !self.problems.is_empty() {
            return Err(Error { problems: self.problems });
        }
        let made = |(model, rows, _)| External {
            model,
            said: Said { rows, us_per_update: None, us_per_prediction: None, state_bytes: None },
        };
        Ok(self.models.into_iter().map(made).collect())
    }

    /// Per quantile column the place among those asked for; `None` where it was not asked for.
    fn levels(&mut self, header: &[&str]) -> Vec<Option<usize>> {
        if header.len() < COLUMNS.len() || header[..COLUMNS.len()] != COLUMNS {
            let what = format!("the columns are {}", header.join(","));
            self.fault(1, what, "Begin with model,vm,origin,horizon,point, then q0.9 and the like");
            return Vec::new();
        }
        let mut levels = Vec::new();
        for name in &header[COLUMNS.len()..] {
            let level = name.strip_prefix('q').and_then(|level| level.parse::<f32>().ok());
            match level {
                Some(level) => levels.push(self.asked.quantiles.iter().position(|&q| q == level)),
                None => {
                    let what = format!("column `{name}` is no quantile");
                    self.fault(1, what, "Name quantiles q0.9 and the like");
                }
            }
        }
        levels
    }

    fn line(&mut self, line: &str, columns: usize, levels: &[Option<usize>]) -> Result<(), String> {
        let fields: Vec<&str> = line.split(',').map(str::trim).collect();
        if fields.len() != columns {
            return Err(format!("found {} fields, expected {columns}", fields.len()));
        }
        let whole = |at: usize| {
            fields[at].parse::<usize>().map_err(|_| format!("`{}` is no whole number", fields[at]))
        };
        let (vm, origin, horizon) = (whole(1)?, whole(2)?, whole(3)?);
        let step = self.asked.horizons.iter().position(|&h| usize::from(h) == horizon);
        let (Some(&index), Some(step), true) = (self.origins.get(&origin), step, vm < self.vms)
        else {
            return Err(format!("VM {vm}, origin {origin}, horizon {horizon} is no point"));
        };
        let number = |at: usize| match fields[at].parse::<f32>() {
            Ok(value) if value.is_finite() => Ok(value),
            _ => Err(format!("`{}` is no number", fields[at])),
        };
        let (per, row) = (self.asked.per_horizon(), index * self.vms + vm);
        let cells = self.origins.len() * self.vms * self.asked.width();
        let model = match self.models.iter().position(|(name, ..)| name == fields[0]) {
            Some(model) => model,
            None => {
                let (rows, there) = (vec![f32::NAN; cells], vec![false; cells / per]);
                self.models.push((fields[0].to_owned(), rows, there));
                self.models.len() - 1
            }
        };
        let (_, rows, there) = &mut self.models[model];
        let point = row * self.asked.horizons.len() + step;
        if std::mem::replace(&mut there[point], true) {
            return Err(format!("VM {vm}, origin {origin}, horizon {horizon} is there twice"));
        }
        let cells = &mut rows[row * self.asked.width() + step * per..][..per];
        cells[0] = number(4)?;
        for (at, level) in levels.iter().enumerate() {
            if let Some(level) = level {
                cells[1 + level] = number(COLUMNS.len() + at)?;
            }
        }
        Ok(())
    }

    fn gaps(&mut self) {
        let horizons = self.asked.horizons.len();
        let mut found = Vec::new();
        for (model, _, there) in &self.models {
            let missing = there.iter().filter(|there| !**there).count();
            let Some(first) = there.iter().position(|there| !there) else { continue };
            let (row, step) = (first / horizons, first % horizons);
            let origin = self.origins.iter().find(|(_, at)| **at == row / self.vms);
            let (vm, origin) = (row % self.vms, origin.map_or(0, |(origin, _)| *origin));
            let horizon = self.asked.horizons[step];
            found.push(format!(
                "`{model}` misses {missing} of {} points, the first is VM {vm}, origin {origin}, \
                 horizon {horizon}",
                there.len()
            ));
        }
        if self.models.is_empty() {
            found.push("there are no forecasts".into());
        }
        for what in found {
            let remedy = "Forecast every point that `--points` lists";
            self.problems.push(Problem::new("GLN-166", self.place, what, remedy));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forecast::Panel;

    fn given(text: &str) -> Result<Vec<External>, Error> {
        let asked = Asked { horizons: vec![1], quantiles: vec![0.5, 0.9], ..Asked::default() };
        let panel = Panel::new(2, vec![0.1; 10]).unwrap().with_first_origin(2);
        let trial = Trial::new(panel, 1);
        assert_eq!(trial.origins(&asked), [2, 3]);
        Reader::new("p.csv", &trial, &asked).read(text)
    }

    const WHOLE: &str = "model,vm,origin,horizon,point,q0.9\nm,0,2,1,0.1,0.2\nm,1,2,1,0.3,0.4\n\
                         m,0,3,1,0.5,0.6\nm,1,3,1,0.7,0.8\n";

    #[test]
    fn points_find_their_places_and_what_is_not_given_stays_unknown() {
        let found = given(WHOLE).unwrap();
        let rows = &found[0].said.rows;
        assert_eq!((rows[0], rows[2], rows[3], rows[9]), (0.1, 0.2, 0.3, 0.7));
        assert!(rows[1].is_nan());
    }

    #[test]
    fn missing_double_strange_and_damaged_points_are_told() {
        let fault = |text: &str| given(text).unwrap_err().to_string();
        let short = WHOLE.trim_end().rsplit_once('\n').unwrap().0;
        assert!(fault(short).contains("misses 1 of 4 points, the first is VM 1, origin 3"));
        assert!(fault(&format!("{WHOLE}m,1,3,1,0.7,0.8\n")).contains("p.csv:6: VM 1, origin 3"));
        assert!(fault(&format!("{WHOLE}m,2,3,1,0.7,0.8\n")).contains("is no point"));
        assert!(fault(&WHOLE.replace("0.7", "NaN")).contains("`NaN` is no number"));
        assert!(fault(&WHOLE.replace("q0.9", "p90")).contains("column `p90` is no quantile"));
        assert!(fault("vm,origin\n").contains("GLN-166 p.csv:1: the columns are vm,origin"));
        assert!(fault("model,vm,origin,horizon,point\n").contains("there are no forecasts"));
    }
}
