//! The standard's variables that its SDK leaves to who builds it:
//! <https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/>.

use percent_encoding::percent_decode_str;

use crate::telemetry::trace::Sampler;

const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const SAMPLER: &str = "OTEL_TRACES_SAMPLER";
const SAMPLER_ARG: &str = "OTEL_TRACES_SAMPLER_ARG";
/// Each with the variables of its own.
const TRACES: Signal =
    Signal { exporter: "OTEL_TRACES_EXPORTER", endpoint: "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT" };
const METRICS: Signal =
    Signal { exporter: "OTEL_METRICS_EXPORTER", endpoint: "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT" };
const JSON: &str = "http/json";
/// Of which a number is wanted.
const NUMBERS: [&str; 7] = [
    "OTEL_METRIC_EXPORT_INTERVAL",
    "OTEL_METRIC_EXPORT_TIMEOUT",
    "OTEL_EXPORTER_OTLP_TIMEOUT",
    "OTEL_BSP_SCHEDULE_DELAY",
    "OTEL_BSP_EXPORT_TIMEOUT",
    "OTEL_BSP_MAX_QUEUE_SIZE",
    "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
];
/// That are not followed, whatever they say.
const UNKNOWN: [&str; 3] = [
    "OTEL_EXPORTER_OTLP_CERTIFICATE",
    "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE",
    "OTEL_EXPORTER_OTLP_CLIENT_KEY",
];
const RESOURCE: &str = "OTEL_RESOURCE_ATTRIBUTES";
const COMPRESSION: &str = "OTEL_EXPORTER_OTLP_COMPRESSION";
const PROTOCOLS: [&str; 3] = [
    "OTEL_EXPORTER_OTLP_PROTOCOL",
    "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
    "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL",
];

struct Signal {
    exporter: &'static str,
    endpoint: &'static str,
}

/// What is to be exported.
#[derive(Debug, Default, PartialEq)]
pub struct Exported {
    /// `None`: no spans.
    pub spans: Option<Sampler>,
    pub metrics: bool,
    /// As JSON instead of what the standard has where nothing is said: spans, and metrics.
    pub json: [bool; 2],
    pub service_name: Option<String>,
    /// Of what is measured, by name.
    pub attributes: Vec<(String, String)>,
    /// Values that are not followed, each as a sentence. The standard has them warned of and passed over.
    pub wrong: Vec<String>,
}

/// Nothing, unless a collector is named.
pub fn read(variable: impl Fn(&str) -> Option<String>) -> Exported {
    // One that is empty counts as unset.
    let variable = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
    let off = variable("OTEL_SDK_DISABLED").is_some_and(|value| value.trim().eq_ignore_ascii_case("true"));
    let wanted = |Signal { exporter, endpoint }: Signal| {
        let none = variable(exporter).is_some_and(|value| value.trim().eq_ignore_ascii_case("none"));
        !off && !none && (variable(ENDPOINT).is_some() || variable(endpoint).is_some())
    };
    let (spans, metrics) = (wanted(TRACES), wanted(METRICS));
    if !spans && !metrics {
        return Exported::default();
    }
    let mut wrong = vec![];
    for name in PROTOCOLS {
        let unknown = variable(name).filter(|value| !["http/protobuf", JSON].contains(&value.as_str()));
        wrong.extend(unknown.map(|value| {
            format!("{name} is `{value}`, which is not spoken here; the collector is told over HTTP, so its address must be that of HTTP (port 4318 as a rule). Set http/protobuf or http/json.")
        }));
    }
    for name in [TRACES.exporter, METRICS.exporter] {
        let unknown = variable(name).filter(|value| !["otlp", "none"].contains(&value.trim()));
        wrong.extend(unknown.map(|value| {
            format!(
                "{name} is `{value}`, which there is not here; it is sent to the collector. Set otlp or none."
            )
        }));
    }
    for name in NUMBERS {
        let unknown = variable(name).filter(|value| value.trim().parse::<u64>().is_err());
        wrong.extend(
            unknown
                .map(|value| format!("{name} is `{value}`, which is no number; the standard's own holds.")),
        );
    }
    let packs = variable(COMPRESSION).filter(|value| value.trim() != "none");
    wrong.extend(
        packs.map(|value| format!("{COMPRESSION} is `{value}`; what is sent is not compressed here.")),
    );
    let unknown = UNKNOWN.iter().filter(|name| variable(name).is_some());
    wrong.extend(unknown.map(|name| {
        format!("{name} is not followed; the machine's certificates, or SSL_CERT_FILE, say who is trusted.")
    }));
    let json = [PROTOCOLS[1], PROTOCOLS[2]]
        .map(|own| variable(own).or_else(|| variable(PROTOCOLS[0])).is_some_and(|value| value == JSON));
    let (name, argument) = (variable(SAMPLER), variable(SAMPLER_ARG));
    let sampler = spans.then(|| sampler(name.as_deref(), argument.as_deref(), &mut wrong));
    let attributes = variable(RESOURCE).map_or_else(Vec::new, |listed| attributes(&listed, &mut wrong));
    Exported { spans: sampler, metrics, json, service_name: variable("OTEL_SERVICE_NAME"), attributes, wrong }
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
    const BASE: (&str, &str) = (ENDPOINT, "http://collector:4318");

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
            (&[(TRACES.endpoint, "http://collector/t")], true, false),
            (&[(METRICS.endpoint, "http://collector/m")], false, true),
        ] {
            let asked = asked(set);
            assert_eq!((asked.spans, asked.metrics), (spans.then_some(ALL), metrics), "{set:?}");
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
            assert_eq!(asked.spans, Some(Sampler { ratio, by_parent }), "{name} {argument}");
            assert_eq!(asked.wrong.len(), told, "{:?}", asked.wrong);
        }
    }

    #[test]
    fn a_protocol_that_is_not_spoken_is_told_of() {
        assert_eq!(asked(&[BASE, (PROTOCOLS[0], "grpc")]).wrong.len(), 1);
        assert!(
            asked(&[BASE, (PROTOCOLS[0], "http/json"), (PROTOCOLS[1], "http/protobuf")]).wrong.is_empty()
        );
        for (set, json) in [
            (&[BASE][..], [false, false]),
            (&[BASE, (PROTOCOLS[0], "grpc")], [false, false]),
            (&[BASE, (PROTOCOLS[0], JSON)], [true, true]),
            (&[BASE, (PROTOCOLS[0], JSON), (PROTOCOLS[1], "http/protobuf")], [false, true]),
        ] {
            assert_eq!(asked(set).json, json, "{set:?}");
        }
    }

    #[test]
    fn whatever_is_not_followed_is_told_of_by_its_name() {
        for (name, value) in [
            (TRACES.exporter, "console"),
            (METRICS.exporter, "prometheus"),
            (NUMBERS[0], "1s"),
            (NUMBERS[2], "10s"),
            (COMPRESSION, "gzip"),
            (UNKNOWN[0], "/etc/ca.pem"),
        ] {
            let wrong = asked(&[BASE, (name, value)]).wrong;
            assert!(matches!(&wrong[..], [one] if one.starts_with(name)), "{wrong:?}");
        }
        let right = [BASE, (TRACES.exporter, "otlp"), (NUMBERS[0], "1000"), (COMPRESSION, "none")];
        assert_eq!(asked(&right).wrong, Vec::<String>::new());
    }
}
