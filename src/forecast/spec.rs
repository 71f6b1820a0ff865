//! The forecasters by their names.
//!
//! A name with a number carries its parameter: `median-12`, `ewma-0.3`, `ar-6`. Those of libraries
//! ([`LEARNED`]) are there with the feature `learn`.

use super::asked::Asked;
use super::bank::{Forecaster, Local, Model};
use super::error::Error;
#[cfg(feature = "learn")]
use super::{
    AutoEts, Mstl, gradient_boosting::GradientBoosting, learned::Learned,
    nearest_neighbours::NearestNeighbours, random_forest::RandomForest,
    support_vectors::SupportVectors,
};
use super::{
    Autoregression, Ewma, Holt, Last, Markov, QuantileRegression, Ridge, Seasonal, Selector, Ses,
    WindowMax, WindowMean, WindowMedian, WindowQuantile,
};
use crate::problem::suggestion;

/// Every name, with its story.
pub const KINDS: [(&str, &str); 31] = [
    ("selector", "per VM the expert that erred least of late; `lqr` among them (the default)"),
    ("selector-local", "the same without a global model: needs no training"),
    ("selector-plain", "the same without autoregressions: the cheapest of the three"),
    ("lqr", "global linear quantile regression, conformally corrected"),
    ("ridge", "global ridge regression"),
    ("last", "the last value"),
    ("mean-6", "mean of a window; also mean-12, mean-24, mean-48, mean-96"),
    ("mean-12", "mean of 12 samples"),
    ("mean-48", "mean of 48 samples"),
    ("median-6", "median of a window; also median-12, median-24, median-48, median-96"),
    ("median-12", "median of 12 samples"),
    ("median-48", "median of 48 samples"),
    ("max-12", "maximum of a window; also max-6, max-24, max-48, max-96"),
    ("quantile-48", "quantiles of a window; also quantile-12, quantile-24, quantile-96"),
    ("quantile-96", "quantiles of 96 samples"),
    ("ewma-0.3", "exponentially weighted mean with any gain in (0, 1]"),
    ("ewma-0.5", "the same with gain 0.5"),
    ("holt", "linear trend"),
    ("holt-damped", "damped linear trend"),
    ("ses", "simple exponential smoothing, gain by likelihood"),
    ("ar-1", "autoregression; also ar-2, ar-6, ar-12"),
    ("ar-6", "autoregression of order 6"),
    ("ar-12", "autoregression of order 12"),
    ("markov", "Markov chain of 16 levels"),
    ("seasonal", "the value a day ago; seasonal-anchored keeps half of the departure from it"),
    ("random-forest-20", "forest of 20 trees; also any other number of them up to 500"),
    ("boosting-60", "gradient boosting of 60 rounds; also any other number of them up to 500"),
    ("knn-50", "mean of the 50 nearest neighbours; also any other number of them up to 500"),
    ("svr", "support vector regression"),
    ("auto-ets", "the best exponential smoothing, fitted at every forecast"),
    ("mstl", "season of a day and trend, fitted at every forecast"),
];

/// The families that come from libraries and are there with the feature `learn`.
pub const LEARNED: [&str; 6] = ["random-forest", "boosting", "knn", "svr", "auto", "mstl"];

/// Most trees, rounds or neighbours.
const MOST: usize = 500;

/// A window of one of the known widths, each of which is compiled for itself.
macro_rules! by_width {
    ($kind:ident, $width:expr, $name:expr, $asked:expr) => {
        match $width {
            "6" => local($name, $asked, $kind::<6>::new($asked)),
            "24" => local($name, $asked, $kind::<24>::new($asked)),
            "48" => local($name, $asked, $kind::<48>::new($asked)),
            "96" => local($name, $asked, $kind::<96>::new($asked)),
            _ => local($name, $asked, $kind::<12>::new($asked)),
        }
    };
}

/// A forecaster by name.
#[derive(Debug, Clone, PartialEq)]
pub struct ForecasterSpec {
    name: String,
}

impl ForecasterSpec {
    /// The names of [`KINDS`] that this build knows.
    pub fn names() -> impl Iterator<Item = &'static str> {
        let there =
            |name: &&str| cfg!(feature = "learn") || !LEARNED.contains(&family_and_number(name).0);
        KINDS.into_iter().map(|(name, _)| name).filter(there)
    }

    /// The forecaster called `name`.
    ///
    /// # Errors
    /// `GLN-163` where none has that name, `GLN-162` where its number is impossible.
    ///
    /// ```
    /// use galerna::forecast::{Asked, ForecasterSpec};
    /// let median = ForecasterSpec::named("median-12").unwrap().build(&Asked::default(), 288);
    /// assert_eq!(median.name(), "median-12");
    /// assert!(ForecasterSpec::named("ewma-2").is_err());
    /// ```
    pub fn named(name: &str) -> Result<Self, Error> {
        let number = |prefix: &str| name.strip_prefix(prefix).and_then(|n| n.parse::<f32>().ok());
        let gain = number("ewma-");
        if let Some(gain) = gain.filter(|gain| !(*gain > 0.0 && *gain <= 1.0)) {
            let what = format!("gain {gain} is outside of (0, 1]");
            return Err(Error::one("GLN-162", name, what, "Write a gain such as ewma-0.3"));
        }
        let (family, size) = family_and_number(name);
        if LEARNED.contains(&family) && !cfg!(feature = "learn") {
            let what = format!("`{name}` is not part of this build");
            return Err(Error::one("GLN-163", "models", what, "Build with the feature `learn`"));
        }
        let sized = ["random-forest", "boosting", "knn"].contains(&family);
        if sized && !size.parse::<usize>().is_ok_and(|size| (1..=MOST).contains(&size)) {
            let what = format!("found `{size}`, expected a whole number from 1 to {MOST}");
            return Err(Error::one(
                "GLN-162",
                name,
                what,
                format!("Write {family}-20 or the like"),
            ));
        }
        let widths = ["6", "12", "24", "48", "96"];
        let window = |prefix: &str| name.strip_prefix(prefix).is_some_and(|w| widths.contains(&w));
        let known = KINDS.iter().any(|(kind, _)| *kind == name)
            || gain.is_some()
            || sized
            || ["mean-", "median-", "max-", "quantile-"].into_iter().any(window)
            || ["ar-2", "seasonal-anchored"].contains(&name);
        if !known {
            let near = suggestion(name, KINDS.iter().map(|(kind, _)| *kind));
            let what = format!("no forecaster is called `{name}`{near}");
            let names = KINDS.map(|(kind, _)| kind).join(", ");
            return Err(Error::one("GLN-163", "models", what, format!("Choose from {names}")));
        }
        Ok(Self { name: name.to_owned() })
    }

    /// The forecaster itself; `season` is the number of samples in a day.
    pub fn build(&self, asked: &Asked, season: usize) -> Box<dyn Forecaster> {
        let name = self.name.as_str();
        let (family, number) = family_and_number(name);
        match (family, number) {
            ("selector", "local") => Box::new(Selector::local(asked)),
            ("selector", "plain") => Box::new(Selector::plain(asked)),
            ("selector", _) => Box::new(Selector::new(asked)),
            ("lqr", _) => Box::new(QuantileRegression::new(asked)),
            ("ridge", _) => Box::new(Ridge::new(asked)),
            ("mean", width) => by_width!(WindowMean, width, name, asked),
            ("median", width) => by_width!(WindowMedian, width, name, asked),
            ("max", width) => by_width!(WindowMax, width, name, asked),
            ("quantile", width) => by_width!(WindowQuantile, width, name, asked),
            ("ewma", gain) => local(name, asked, Ewma::new(asked, gain.parse().unwrap_or(1.0))),
            ("holt", "damped") => local(name, asked, Holt::new(asked, 0.4, 0.2, 0.8)),
            ("holt", _) => local(name, asked, Holt::new(asked, 0.4, 0.2, 1.0)),
            ("ses", _) => local(name, asked, Ses::new(asked)),
            ("ar", "1") => local(name, asked, Autoregression::<1>::new(asked)),
            ("ar", "2") => local(name, asked, Autoregression::<2>::new(asked)),
            ("ar", "12") => local(name, asked, Autoregression::<12>::new(asked)),
            ("ar", _) => local(name, asked, Autoregression::<6>::new(asked)),
            ("markov", _) => local(name, asked, Markov::new(asked)),
            ("seasonal", "anchored") => local(name, asked, Seasonal::new(asked, season, 0.5)),
            ("seasonal", _) => local(name, asked, Seasonal::new(asked, season, 0.0)),
            #[cfg(feature = "learn")]
            _ if LEARNED.contains(&family) => self.learned(family, number, asked, season),
            _ => local(name, asked, Last::new(asked)),
        }
    }

    /// Those of libraries.
    #[cfg(feature = "learn")]
    fn learned(
        &self,
        family: &str,
        number: &str,
        asked: &Asked,
        season: usize,
    ) -> Box<dyn Forecaster> {
        let (name, size) = (self.name.as_str(), number.parse().unwrap_or(20));
        match family {
            "random-forest" => Box::new(Learned::<RandomForest>::new(name, asked, size)),
            "boosting" => Box::new(Learned::<GradientBoosting>::new(name, asked, size)),
            "knn" => Box::new(Learned::<NearestNeighbours>::new(name, asked, size)),
            "svr" => Box::new(Learned::<SupportVectors>::new(name, asked, size)),
            "mstl" => local(name, asked, Mstl::new(asked, season)),
            _ => local(name, asked, AutoEts::new(asked)),
        }
    }
}

fn family_and_number(name: &str) -> (&str, &str) {
    name.rsplit_once('-').unwrap_or((name, ""))
}

fn local<M: Model>(name: &str, asked: &Asked, model: M) -> Box<dyn Forecaster> {
    Box::new(Local::new(name, asked.clone(), model))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_builds_what_it_says_and_others_are_refused() {
        for name in ForecasterSpec::names() {
            let built = ForecasterSpec::named(name).unwrap().build(&Asked::default(), 288);
            assert!(name.starts_with(built.name()) || built.name() == name, "{name}");
        }
        let error = ForecasterSpec::named("medain-12").err().unwrap().to_string();
        assert!(error.contains("did you mean `median-12`?"), "{error}");
        assert!(ForecasterSpec::named("median-13").is_err());
        for name in ["knn-0", "knn-501", "knn-x", "boosting-2.5", "random-forest-"] {
            let error = ForecasterSpec::named(name).err().unwrap().to_string();
            assert!(error.starts_with(&format!("GLN-162 {name}: found")), "{error}");
        }
    }

    /// A constant series, a series of gaps, one that is too short: every forecaster has an answer.
    #[test]
    fn odd_series_have_defined_forecasts() {
        let asked = Asked::default();
        for name in ForecasterSpec::names() {
            let forecaster = ForecasterSpec::named(name).unwrap().build(&asked, 288);
            let mut bank = forecaster.bank(4);
            for at in 0..300 {
                let young = if at >= 298 { 0.3 } else { f32::NAN };
                bank.update(&[0.4, f32::NAN, young, 1.8]);
            }
            let mut out = vec![7.0; 4 * asked.width()];
            bank.predict(&mut out);
            let rows: Vec<&[f32]> = out.chunks_exact(asked.width()).collect();
            let points = |row: &[f32]| [row[0], row[4], row[8]];
            let near = |row: &[f32], value: f32, by: f32| {
                assert!(points(row).iter().all(|p| (p - value).abs() <= by), "{name}: {row:?}");
            };
            near(rows[0], 0.4, 0.04);
            near(rows[1], 0.0, 0.0);
            near(rows[2], 0.3, 0.0);
            near(rows[3], 1.0, 0.06);
        }
    }
}
