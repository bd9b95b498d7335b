//! The program by itself, and the package it comes in.

use std::{fs, net::TcpListener, path::Path, process::Command};

use crate::host::{package::Package, worker::FLEX};

#[test]
fn a_published_package_holds_what_the_host_needs_and_nothing_else() {
    let Some(folder) = Package::published() else { return };
    let mut expected = vec!["handler".to_owned(), "host.json".to_owned()];
    expected
        .extend(Package::pack().functions.iter().map(|function| format!("{}/function.json", function.name)));
    expected.sort();
    assert_eq!(files_in(&folder, ""), expected);
    let simulated = handler().arg("demo").output().unwrap();
    assert_eq!(simulated.status.code(), Some(2), "the simulators are left out");
}

#[test]
fn wrong_settings_stop_the_start_with_all_of_them_listed() {
    let output = handler()
        .env("FUNCTIONS_CUSTOMHANDLER_PORT", "4711")
        .env("SERVICENOW_URL", "http://acme.example.com")
        .env("HANDOFF_TIMEOUT", "soon")
        .output()
        .unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2));
    for name in ["SERVICENOW_URL must be https", "is set without credentials", "HANDOFF_TIMEOUT is `soon`"] {
        assert!(told.contains(name), "{told}");
    }
    assert!(output.stdout.is_empty());
}

#[test]
fn on_flex_consumption_no_chat_is_put_into_a_file() {
    let live_agent = [
        ("SERVICENOW_URL", "https://acme.example.com"),
        ("SERVICENOW_TOKEN", "t"),
        ("RESPONSES_TOKEN", "in"),
    ];
    let settings = [("FUNCTIONS_CUSTOMHANDLER_PORT", "4711")].into_iter().chain(live_agent).chain(FLEX);
    let output = handler().envs(settings).output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(
        told.starts_with("STORE must be a blob container on the Azure Functions Flex Consumption plan"),
        "{told}"
    );
}

#[test]
fn a_port_that_is_taken_ends_the_process_so_that_the_host_tries_again() {
    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let folder = tempfile::tempdir().unwrap();
    let output = handler().current_dir(&folder).env("FUNCTIONS_CUSTOMHANDLER_PORT", port).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn why_a_process_ends_is_told_whatever_log_leaves_out() {
    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    for (log, told_by_log) in [
        ("info", true),
        ("servicenow_handoff=trace", true),
        ("warn,servicenow_handoff=error", true),
        ("off", false),
        ("servicenow_handoff::http=debug", false),
    ] {
        let mut program = handler();
        let output = program.current_dir(&folder).env("LISTEN", &address).env("LOG", log).output().unwrap();
        let [out, errors] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
        let (told, silent) = if told_by_log { (out, errors) } else { (errors, out) };
        assert_eq!((output.status.code(), &*silent), (Some(1), ""), "{log}: {silent}");
        assert!(told.contains(&format!("Stopped: {address} can't be listened on")), "{log}: {told}");
    }
}

#[test]
fn a_filter_of_our_lines_takes_in_those_of_the_start() {
    let program = crate::program::Program::start([("LOG", "servicenow_handoff=info")]);
    let log = program.log();
    assert!(log.contains("Starting version") && log.contains("Role "), "{log}");
}

#[test]
fn a_wrong_proxy_stops_the_start_and_is_named() {
    let folder = tempfile::tempdir().unwrap();
    for wrong in ["htp://127.0.0.1:9", "\"http://127.0.0.1:9\"", "socks5://127.0.0.1:9"] {
        let output = handler().current_dir(&folder).env("https_proxy", wrong).output().unwrap();
        let told = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert!(told.contains("HTTPS_PROXY is not the address of an HTTP proxy"), "{told}");
    }
}

#[test]
fn the_version_is_the_packages() {
    let output = handler().arg("--version").output().unwrap();
    let version = concat!("handler ", env!("CARGO_PKG_VERSION"));
    assert_eq!(String::from_utf8(output.stdout).unwrap().trim(), version);
}

/// Paths below `folder`, sorted.
fn files_in(folder: &Path, prefix: &str) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let mut files = vec![];
    for entry in entries {
        let name = format!("{prefix}{}", entry.file_name().to_str().unwrap());
        if entry.path().is_dir() {
            files.extend(files_in(&entry.path(), &format!("{name}/")));
        } else {
            files.push(name);
        }
    }
    files.sort();
    files
}

fn handler() -> Command {
    let mut command = Command::new(Package::program());
    command.env_clear();
    command
}
