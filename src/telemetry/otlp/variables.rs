//! The standard's variables. All are read here, because the SDK takes numbers that it then spins or dies by, and tells nobody of what
//! it does not follow: <https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/>.

use std::{ops::RangeInclusive, time::Duration};

use percent_encoding::percent_decode_str;

pub use self::way::Way;
use self::way::{METRICS, Signal, TRACES, Variables};
use crate::telemetry::trace::Sampler;

mod way;

const SAMPLER: &str = "OTEL_TRACES_SAMPLER";
const SAMPLER_ARG: &str = "OTEL_TRACES_SAMPLER_ARG";
const RESOURCE: &str = "OTEL_RESOURCE_ATTRIBUTES";
const TEMPORALITY: &str = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE";
/// Milliseconds between two exports: a shorter time is nothing but work.
const INTERVALS: RangeInclusive<u64> = 100..=86_400_000;
/// Spans: the SDK takes the room for all of them at once.
const MANY: RangeInclusive<u64> = 1..=100_000;
/// The SDK's threads wait for the exporter.
const WAITS: [&str; 2] = ["OTEL_METRIC_EXPORT_TIMEOUT", "OTEL_BSP_EXPORT_TIMEOUT"];

/// What is to be exported.
#[derive(Debug, Default, PartialEq)]
pub struct Exported {
    /// `None`: no spans.
    pub spans: Option<Spans>,
    pub metrics: Option<Metrics>,
    pub service_name: Option<String>,
    /// Of what is measured, by name.
    pub attributes: Vec<(String, String)>,
    /// Values that are not followed, each as a sentence. The standard has them warned of and passed over.
    pub wrong: Vec<String>,
}

#[derive(Debug, PartialEq)]
pub struct Spans {
    pub way: Way,
    pub sampler: Sampler,
    pub every: Duration,
    /// So many wait at most, and so many go at once.
    pub queue: usize,
    pub batch: usize,
}

#[derive(Debug, PartialEq)]
pub struct Metrics {
    pub way: Way,
    pub every: Duration,
}

/// Nothing, unless a collector is named.
///
/// # Errors
/// When the collector's address is none, as a sentence.
pub fn read(value: impl Fn(&str) -> Option<String>) -> Result<Exported, String> {
    let mut variables = Variables { value, wrong: vec![] };
    let (spans, metrics) = (variables.wants(&TRACES), variables.wants(&METRICS));
    if !spans && !metrics {
        return Ok(Exported::default());
    }
    for Signal { name, .. } in [TRACES, METRICS] {
        let name = format!("OTEL_{name}_EXPORTER");
        if let Some(value) = variables.get(&name).filter(|value| !["otlp", "none"].contains(&value.as_str()))
        {
            variables.tell(format!(
                "{name} is `{value}`, which there is not here; it is sent to the collector. Set otlp or none."
            ));
        }
    }
    for name in WAITS.into_iter().filter(|name| variables.get(name).is_some()).collect::<Vec<_>>() {
        variables.tell(format!(
            "{name} is not followed; OTEL_EXPORTER_OTLP_TIMEOUT says how long the collector is waited for."
        ));
    }
    let spans = if spans { Some(variables.spans()?) } else { None };
    let metrics = if metrics { Some(variables.metrics()?) } else { None };
    let listed = variables.get(RESOURCE).unwrap_or_default();
    let attributes = attributes(&listed, &mut variables.wrong);
    let service_name = variables.get("OTEL_SERVICE_NAME");
    Ok(Exported { spans, metrics, service_name, attributes, wrong: variables.wrong })
}

impl<F: Fn(&str) -> Option<String>> Variables<F> {
    fn wants(&self, signal: &Signal) -> bool {
        let is =
            |name: &str, wanted: &str| self.get(name).is_some_and(|value| value.eq_ignore_ascii_case(wanted));
        !is("OTEL_SDK_DISABLED", "true")
            && !is(&format!("OTEL_{}_EXPORTER", signal.name), "none")
            && self.of(signal, "ENDPOINT").is_some()
    }

    fn spans(&mut self) -> Result<Spans, String> {
        let many = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        let (name, argument) = (self.get(SAMPLER), self.get(SAMPLER_ARG));
        Ok(Spans {
            way: self.way(&TRACES)?,
            sampler: sampler(name.as_deref(), argument.as_deref(), &mut self.wrong),
            every: Duration::from_millis(self.number("OTEL_BSP_SCHEDULE_DELAY", 5_000, &INTERVALS)),
            queue: many(self.number("OTEL_BSP_MAX_QUEUE_SIZE", 2_048, &MANY)),
            batch: many(self.number("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 512, &MANY)),
        })
    }

    fn metrics(&mut self) -> Result<Metrics, String> {
        let known = ["cumulative", "delta", "lowmemory"];
        if let Some(value) = self.get(TEMPORALITY)
            && !known.iter().any(|known| value.eq_ignore_ascii_case(known))
        {
            self.tell(format!("{TEMPORALITY} is `{value}`, which is not known here; cumulative holds."));
        }
        let every = self.number("OTEL_METRIC_EXPORT_INTERVAL", 60_000, &INTERVALS);
        Ok(Metrics { way: self.way(&METRICS)?, every: Duration::from_millis(every) })
    }
}

/// `name=value,name=value`, each with percent signs. When one can't be read, none counts.
fn attributes(listed: &str, wrong: &mut Vec<String>) -> Vec<(String, String)> {
    let plain = |text: &str| Some(percent_decode_str(text.trim()).decode_utf8().ok()?.into_owned());
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=')?;
        Some((plain(name).filter(|name| !name.is_empty())?, plain(value)?))
    };
    let pairs = listed.split(',').filter(|one| !one.trim().is_empty());
    pairs.map(pair).collect::<Option<_>>().unwrap_or_else(|| {
        wrong.push(format!(
            "{RESOURCE} is `{listed}`, which is no list of name=value; none of it counts. A comma or another sign of the list's own is written with a percent sign, as %2C."
        ));
        Vec::new()
    })
}

fn sampler(name: Option<&str>, argument: Option<&str>, wrong: &mut Vec<String>) -> Sampler {
    let name = name.unwrap_or("parentbased_always_on");
    let (by_parent, own) = match name.strip_prefix("parentbased_") {
        Some(own) => (true, own),
        None => (false, name),
    };
    let ratio = match own {
        "always_on" => Some(1.0),
        "always_off" => Some(0.0),
        "traceidratio" => {
            let given = argument.map_or(Some(1.0), |given| given.trim().parse().ok());
            let ratio = given.filter(|ratio| (0.0..=1.0).contains(ratio));
            if ratio.is_none() {
                wrong.push(format!("{SAMPLER_ARG} is no number from 0 to 1; all traces are sampled."));
            }
            Some(ratio.unwrap_or(1.0))
        }
        _ => None,
    };
    match ratio {
        Some(ratio) => Sampler { ratio, by_parent },
        None => {
            wrong.push(format!(
                "{SAMPLER} is `{name}`, which is not known here; all traces are sampled that no caller has decided on."
            ));
            Sampler { ratio: 1.0, by_parent: true }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(set: &[(&str, &str)]) -> Exported {
        tried(set).expect("an address")
    }

    fn tried(set: &[(&str, &str)]) -> Result<Exported, String> {
        read(|name| set.iter().rfind(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn attributes_are_read_as_the_standard_writes_them_and_none_of_a_list_that_is_wrong() {
        let read = |listed: &str| {
            let asked = asked(&[BASE, (RESOURCE, listed)]);
            (asked.attributes, asked.wrong.len())
        };
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let whole = vec![pair("team", "a, b=ü"), pair("empty", ""), pair("deployment.environment", "prod")];
        assert_eq!(read("team=a%2C%20b%3D%C3%BC, empty= ,deployment.environment = prod,"), (whole, 0));
        for wrong in ["team", "team=a,=b", "team=%FF"] {
            assert_eq!(read(wrong), (vec![], 1), "{wrong}");
        }
    }

    const ALL: Sampler = Sampler { ratio: 1.0, by_parent: true };
    const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
    const OF_TRACES: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
    const BASE: (&str, &str) = (ENDPOINT, "http://collector:4318");
    const PROTOCOL: &str = "OTEL_EXPORTER_OTLP_PROTOCOL";
    const HEADERS: &str = "OTEL_EXPORTER_OTLP_HEADERS";

    #[test]
    fn what_no_collector_is_named_for_or_is_turned_off_is_not_exported() {
        for (set, spans, metrics) in [
            (&[][..], false, false),
            (&[(ENDPOINT, "")], false, false),
            (&[BASE], true, true),
            (&[BASE, ("OTEL_SDK_DISABLED", "True")], false, false),
            (&[BASE, ("OTEL_SDK_DISABLED", "1")], true, true),
            (&[BASE, ("OTEL_TRACES_EXPORTER", "none")], false, true),
            (&[BASE, ("OTEL_METRICS_EXPORTER", "none")], true, false),
            (&[BASE, ("OTEL_METRICS_EXPORTER", "otlp")], true, true),
            (&[(OF_TRACES, "http://collector/t")], true, false),
            (&[("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://collector/m")], false, true),
        ] {
            let asked = asked(set);
            assert_eq!(asked.spans.map(|spans| spans.sampler), spans.then_some(ALL), "{set:?}");
            assert_eq!(asked.metrics.is_some(), metrics, "{set:?}");
            assert!(asked.wrong.is_empty(), "{:?}", asked.wrong);
        }
    }

    #[test]
    fn each_sampler_of_the_standard_s_is_followed_and_any_other_is_told_of() {
        for (name, argument, ratio, by_parent, told) in [
            ("always_on", "", 1.0, false, 0),
            ("always_off", "", 0.0, false, 0),
            ("traceidratio", "0.25", 0.25, false, 0),
            ("traceidratio", "", 1.0, false, 0),
            ("traceidratio", "half", 1.0, false, 1),
            ("traceidratio", "7", 1.0, false, 1),
            ("parentbased_always_on", "", 1.0, true, 0),
            ("parentbased_always_off", "", 0.0, true, 0),
            ("parentbased_traceidratio", "0", 0.0, true, 0),
            ("xray", "", 1.0, true, 1),
        ] {
            let asked = asked(&[BASE, (SAMPLER, name), (SAMPLER_ARG, argument)]);
            let sampler = asked.spans.expect("spans").sampler;
            assert_eq!(sampler, Sampler { ratio, by_parent }, "{name} {argument}");
            assert_eq!(asked.wrong.len(), told, "{:?}", asked.wrong);
        }
    }

    /// Of both signals, spans first.
    fn ways(set: &[(&str, &str)]) -> (Way, Way, usize) {
        let Exported { spans, metrics, wrong, .. } = asked(set);
        (spans.expect("spans").way, metrics.expect("metrics").way, wrong.len())
    }

    #[test]
    fn a_protocol_that_is_not_spoken_is_told_of() {
        let of_traces = "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL";
        for (set, json, told) in [
            (&[BASE][..], [false, false], 0),
            (&[BASE, (PROTOCOL, "grpc")], [false, false], 1),
            (&[BASE, (PROTOCOL, "http/json")], [true, true], 0),
            (&[BASE, (PROTOCOL, "http/json"), (of_traces, "http/protobuf")], [false, true], 0),
        ] {
            let (spans, metrics, wrong) = ways(set);
            assert_eq!(([spans.json, metrics.json], wrong), (json, told), "{set:?}");
        }
    }

    #[test]
    fn a_signal_s_own_value_counts_and_an_empty_one_is_none() {
        let both = [
            (ENDPOINT, " http://collector:4318/ "),
            (OF_TRACES, " "),
            (HEADERS, "authorization=Bearer%20x, x-team = a=b"),
            ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", ""),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", " 700 "),
            ("OTEL_EXPORTER_OTLP_METRICS_TIMEOUT", "800"),
        ];
        let (spans, metrics, wrong) = ways(&both);
        assert_eq!(spans.endpoint, "http://collector:4318/v1/traces");
        assert_eq!(metrics.endpoint, "http://collector:4318/v1/metrics");
        assert_eq!(
            [spans.headers["authorization"].as_bytes(), spans.headers["x-team"].as_bytes()],
            [&b"Bearer x"[..], b"a=b"]
        );
        assert_eq!(spans.headers, metrics.headers);
        assert_eq!([spans.timeout, metrics.timeout].map(|timeout| timeout.as_millis()), [700, 800]);
        assert_eq!(wrong, 0);
        let (spans, ..) = ways(&[BASE, (OF_TRACES, "https://other/t?key=1")]);
        assert_eq!(spans.endpoint, "https://other/t?key=1");
    }

    #[test]
    fn an_address_that_is_none_stops_the_start_and_its_password_is_not_said() {
        for address in
            ["htp//jo:hush@collector:4318", "jo:hush@collector", "hush:4318", "ws://hush", "http://hush x"]
        {
            for name in [ENDPOINT, OF_TRACES] {
                let told = tried(&[(name, address)]).expect_err(address);
                assert!(told.starts_with(name) && !told.contains("hush"), "{told}");
            }
        }
    }

    #[test]
    fn whatever_is_not_followed_is_told_of_by_its_name_and_once() {
        for (name, value) in [
            ("OTEL_TRACES_EXPORTER", "console"),
            ("OTEL_METRICS_EXPORTER", "prometheus"),
            ("OTEL_METRIC_EXPORT_INTERVAL", "1s"),
            ("OTEL_METRIC_EXPORT_INTERVAL", "0"),
            ("OTEL_METRIC_EXPORT_TIMEOUT", "500"),
            ("OTEL_BSP_EXPORT_TIMEOUT", "500"),
            ("OTEL_BSP_SCHEDULE_DELAY", "0"),
            ("OTEL_BSP_SCHEDULE_DELAY", "18446744073709551615"),
            ("OTEL_BSP_MAX_QUEUE_SIZE", "0"),
            ("OTEL_BSP_MAX_QUEUE_SIZE", "99999999999999"),
            ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "0"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "0"),
            ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "10s"),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
            ("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "gzip"),
            ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/etc/ca.pem"),
            ("OTEL_EXPORTER_OTLP_METRICS_CLIENT_KEY", "/etc/key.pem"),
            (TEMPORALITY, "banana"),
            (HEADERS, "authorization: Bearer x"),
        ] {
            let Exported { spans, metrics, wrong, .. } = asked(&[BASE, (name, value)]);
            assert!(matches!(&wrong[..], [one] if one.starts_with(name)), "{wrong:?}");
            let (spans, metrics) = (spans.expect("spans"), metrics.expect("metrics"));
            assert_eq!((spans.every.as_secs(), metrics.every.as_secs()), (5, 60), "{name}");
            assert_eq!((spans.queue, spans.batch, spans.way.timeout.as_secs()), (2_048, 512, 10), "{name}");
        }
        let right = [
            BASE,
            ("OTEL_TRACES_EXPORTER", "otlp"),
            ("OTEL_METRIC_EXPORT_INTERVAL", "1000"),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "none"),
            (TEMPORALITY, "Delta"),
        ];
        assert_eq!(asked(&right).wrong, Vec::<String>::new());
    }
}
