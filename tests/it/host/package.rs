//! What a published package tells the host: host.json and the function folders.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use serde_json::Value;
use tempfile::TempDir;

/// A folder as `func azure functionapp publish` would leave it: host.json, function folders, binary.
pub struct Package {
    folder: TempDir,
    pub host: Value,
    pub functions: Vec<Function>,
}

pub struct Function {
    pub name: String,
    pub trigger: Trigger,
}

pub enum Trigger {
    Http { route: String, methods: Vec<String> },
    Timer { binding: String, schedule: String },
}

impl Package {
    /// Deploys a copy of the package that `PACKAGE` names; without one, of this repository around the binary
    /// that Cargo built for the tests.
    pub fn pack() -> Self {
        let source = Self::source();
        // Beside the binary, so that it can be linked instead of copied.
        let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let host: Value = read_json(&source.join("host.json"));
        fs::copy(source.join("host.json"), folder.path().join("host.json")).unwrap();
        let (program, handler) = (Self::program(), folder.path().join("handler"));
        fs::hard_link(&program, &handler).or_else(|_| fs::copy(&program, &handler).map(drop)).unwrap();

        let prefix = host["extensions"]["http"]["routePrefix"].as_str().unwrap_or("api").to_owned();
        let functions = function_folders(&source)
            .into_iter()
            .map(|name| {
                let from = source.join(&name).join("function.json");
                fs::create_dir(folder.path().join(&name)).unwrap();
                fs::copy(&from, folder.path().join(&name).join("function.json")).unwrap();
                let trigger = Trigger::read(&name, &read_json(&from), &prefix);
                Function { name, trigger }
            })
            .collect();
        Self { folder, host, functions }
    }

    /// The package that is tested; `None` without `PACKAGE`.
    pub fn published() -> Option<PathBuf> {
        let named = std::env::var_os("PACKAGE")?;
        Some(Path::new(env!("CARGO_MANIFEST_DIR")).join(named))
    }

    /// The binary that is tested.
    pub fn program() -> PathBuf {
        match Self::published() {
            Some(package) => package.join("handler"),
            None => env!("CARGO_BIN_EXE_handler").into(),
        }
    }

    fn source() -> PathBuf {
        Self::published().unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into())
    }

    pub fn root(&self) -> &Path {
        self.folder.path()
    }

    /// The host joins the path to the app's root when that file exists, else it looks in PATH.
    pub fn executable(&self) -> PathBuf {
        let path = self.host["customHandler"]["description"]["defaultExecutablePath"].as_str().unwrap();
        assert!(!path.is_empty(), "WorkerDescription DefaultExecutablePath cannot be empty");
        let in_package = self.root().join(path);
        if in_package.is_file() { in_package } else { PathBuf::from(path) }
    }

    pub fn arguments(&self) -> Vec<String> {
        let arguments = self.host["customHandler"]["description"]["arguments"].as_array();
        arguments.into_iter().flatten().map(|word| word.as_str().unwrap().to_owned()).collect()
    }

    pub fn flag(&self, name: &str) -> bool {
        self.host["customHandler"][name].as_bool().unwrap_or(false)
    }

    /// A time span of host.json's, at its root or under `customHandler`.
    pub fn time(&self, name: &str) -> Duration {
        let spans = [&self.host[name], &self.host["customHandler"][name]];
        let span =
            spans.into_iter().find_map(Value::as_str).unwrap_or_else(|| panic!("host.json lacks {name}"));
        let [hours, minutes, seconds] = span.split(':').collect::<Vec<_>>()[..] else {
            panic!("{name} is {span}, which is no hh:mm:ss")
        };
        let seconds = [(hours, 3600), (minutes, 60), (seconds, 1)].map(|(count, each)| {
            count.parse::<u64>().unwrap_or_else(|error| panic!("{name} is {span}: {error}")) * each
        });
        Duration::from_secs(seconds.into_iter().sum())
    }

    pub fn function(&self, name: &str) -> Option<&Function> {
        self.functions.iter().find(|function| function.name == name)
    }
}

impl Trigger {
    fn read(name: &str, function: &Value, prefix: &str) -> Self {
        let bindings = function["bindings"].as_array().unwrap();
        let (inputs, outputs): (Vec<_>, Vec<_>) =
            bindings.iter().partition(|binding| binding["direction"] == "in");
        let [input] = inputs[..] else { panic!("{name}: one input binding, or requests are not proxied") };
        match input["type"].as_str() {
            Some("httpTrigger") => {
                let one_http = outputs.len() == 1 && outputs[0]["type"] == "http";
                assert!(one_http, "{name}: one http output, or requests are not proxied");
                let route = input["route"].as_str().unwrap_or(name);
                let methods = input["methods"].as_array().into_iter().flatten();
                Self::Http {
                    route: format!("{prefix}/{route}").trim_start_matches('/').to_owned(),
                    methods: methods.map(|method| method.as_str().unwrap().to_uppercase()).collect(),
                }
            }
            Some("timerTrigger") => Self::Timer {
                binding: input["name"].as_str().unwrap().to_owned(),
                schedule: input["schedule"].as_str().unwrap().to_owned(),
            },
            other => panic!("{name}: the model knows no trigger {other:?}"),
        }
    }

    /// Whether the host hands a request to this function.
    pub fn takes(&self, method: &str, path: &str) -> bool {
        match self {
            Self::Timer { .. } => false,
            Self::Http { route, methods } => {
                let method_fits = methods.is_empty() || methods.iter().any(|known| known == method);
                method_fits && route_fits(route, path)
            }
        }
    }
}

/// ASP.NET's templates as far as ours need them: literals in any case, `{name}`, `{*rest}` at the end.
fn route_fits(template: &str, path: &str) -> bool {
    let mut segments = path.trim_start_matches('/').split('/');
    for expected in template.split('/') {
        if expected.starts_with("{*") {
            return true;
        }
        let Some(segment) = segments.next() else { return false };
        let fits = if expected.starts_with('{') {
            !segment.is_empty()
        } else {
            expected.eq_ignore_ascii_case(segment)
        };
        if !fits {
            return false;
        }
    }
    segments.next().is_none_or(str::is_empty)
}

fn function_folders(source: &Path) -> Vec<String> {
    let entries = fs::read_dir(source).unwrap().map(|entry| entry.unwrap().path());
    let folders = entries.filter(|path| path.join("function.json").is_file());
    let mut names: Vec<_> =
        folders.map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

fn read_json(path: &Path) -> Value {
    let text = fs::read(path)
        .unwrap_or_else(|error| panic!("{}: {error}; scripts/package makes a package", path.display()));
    serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
