//! The settings, as far as they can be judged without a call.

use super::{Setup, finding::Finding};
use crate::config::{Misspelt, Place, SettingFault, Settings};

const WHERE_SETTINGS_ARE: &str = "Change it where the process gets its environment (in Azure: Environment variables of \
     the function app; under `func start`: local.settings.json; here also a file for `--settings`), then run this again.";

/// Wrong settings alone when there are any, for roles of half-read settings would mislead.
/// What a vault didn't give is told with the vaults.
pub(super) fn judge(setup: &Setup) -> Vec<Finding> {
    let Setup { settings, faults, secrets, unknown } = setup;
    let in_vault = |fault: &&SettingFault| {
        secrets.iter().any(|(setting, secret)| match secret {
            Err(what) => is_of(setting, fault.setting) && fault.sentence.ends_with(what.as_str()),
            Ok(_) => false,
        })
    };
    let mut findings = vec![platform(settings)];
    if faults.is_empty() {
        findings.extend(as_read(settings));
    }
    findings.extend(faults.iter().filter(|fault| !in_vault(fault)).map(|fault| {
        Finding::wrong("settings", fault.sentence.clone()).of(fault.setting).fix(WHERE_SETTINGS_ARE)
    }));
    findings.extend(unknown.iter().map(not_a_setting));
    findings
}

/// Whether what stands in a vault is this setting, or an entry of it.
fn is_of(in_vault: &str, setting: &str) -> bool {
    in_vault.strip_prefix(setting).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// What the variables say of where this runs.
fn platform(settings: &Settings) -> Finding {
    let Place { platform, signs } = &settings.place;
    let by = match &signs[..] {
        [] => "no variable of a platform is set".to_owned(),
        signs => format!("set: {}", signs.join(", ")),
    };
    let host = if settings.in_functions_host { ", started by the Functions host" } else { "" };
    Finding::good("platform", format!("This is {}{host} ({by}).", platform.name()))
}

fn as_read(settings: &Settings) -> Vec<Finding> {
    let roles = settings.roles().into_iter().map(|role| {
        let text = format!("The {} is {}. {}", role.name, if role.on { "on" } else { "off" }, role.why);
        if role.on {
            Finding::good(role.code, text)
        } else {
            Finding::off(role.code, text).fix(role.to_have_it)
        }
    });
    let cautions = settings.cautions().into_iter();
    roles
        .chain(cautions.map(|it| match it.breaks {
            Some(setting) => Finding::wrong("settings", it.text).of(setting).fix(it.fix),
            None => Finding::caution("settings.caution", it.text).fix(it.fix),
        }))
        .collect()
}

fn not_a_setting(Misspelt { name, meant }: &Misspelt) -> Finding {
    let text = format!("{name} is not a setting, so it does nothing.");
    let fix = match meant {
        Some(meant) => format!("Did you mean {meant}? Rename it, or remove it."),
        None => "Check its spelling against docs/settings.md, or remove it.".to_owned(),
    };
    Finding::caution("settings.unknown", text).of(name).fix(fix)
}

/// Why a check would only repeat that a setting is wrong; `None` when it is worth making.
pub(super) fn not_checked(code: &'static str, faults: &[SettingFault], prefixes: &[&str]) -> Option<Finding> {
    let wrong =
        faults.iter().find(|fault| prefixes.iter().any(|prefix| fault.setting.starts_with(prefix)))?;
    let text = format!("Not checked, because {} is wrong.", wrong.setting);
    Some(Finding::off(code, text).fix("Correct the setting first."))
}
