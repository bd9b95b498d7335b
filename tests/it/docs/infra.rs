//! The Bicep files. No compiler for them is at hand, so what can be told from their text is told from it.

use servicenow_handoff::config::SETTINGS;

use crate::docs::{
    file,
    words::{between, is_balanced},
};

/// Settings of Azure's that are not ours.
const PLATFORM: [&str; 5] = [
    "AzureWebJobsStorage__accountName",
    "AzureWebJobsStorage__credential",
    "AzureWebJobsStorage__clientId",
    "APPLICATIONINSIGHTS_CONNECTION_STRING",
    "APPLICATIONINSIGHTS_AUTHENTICATION_STRING",
];

/// Azure's built-in roles, as documented under "Azure built-in roles".
const ROLES: [(&str, &str); 5] = [
    ("storageBlobDataOwner", "b7e6dc6d-f1e8-4753-8033-0f276bb0955b"),
    ("storageBlobDataContributor", "ba92f5b4-2d11-453d-a403-e96b0029c9fe"),
    ("storageTableDataContributor", "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3"),
    ("keyVaultSecretsUser", "4633458b-17de-408a-b874-0445c86b69e6"),
    ("monitoringMetricsPublisher", "3913510d-42f4-4e42-8a64-420c390055eb"),
];

fn is_ours(name: &str) -> bool {
    SETTINGS.iter().any(|setting| setting.name == name)
}

fn is_setting_name(name: &str) -> bool {
    name.len() > 2 && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
}

/// Each template that is deployed by itself, with the file that holds its parameters.
const DEPLOYED: [(&str, &str); 3] = [
    ("infra/main.bicep", "infra/main.bicepparam"),
    ("infra/container-apps.bicep", "infra/container-apps.bicepparam"),
    ("infra/azd.bicep", "infra/azd.bicepparam"),
];
const PARTS: [&str; 2] = ["infra/network.bicep", "infra/monitoring.bicep"];

#[test]
fn the_container_gets_settings_of_ours() {
    let bicep = file("infra/container-apps.bicep");
    let (_, settings) = bicep.split_once("env: concat(").unwrap();
    let names = between(settings.split_once("plainSettings").unwrap().0, "name: '", "'");
    assert!(names.len() > 3 && names.iter().all(|name| is_ours(name)), "{names:?}");
    let port = bicep.matches("8080").count();
    assert!(port >= 5 && file("Dockerfile").contains("LISTEN=0.0.0.0:8080"));
}

#[test]
fn the_account_s_rule_deletes_nothing_before_the_connector_does() {
    for template in ["infra/main.bicep", "infra/container-apps.bicep"] {
        let bicep = file(template);
        assert!(bicep.contains("{ name: 'RETENTION_DAYS', value: string(retentionDays) }"), "{template}");
        assert!(
            bicep.contains("@maxValue(3650)\nparam retentionDays"),
            "{template}: more is refused at the start"
        );
        let days = between(&bicep, "daysAfterModificationGreaterThan: ", " }");
        assert_eq!(days, ["retentionDays + 30"; 2], "{template}");
    }
}

#[test]
fn a_region_without_zones_is_no_obstacle() {
    for (template, _) in DEPLOYED {
        let bicep = file(template);
        assert!(!bicep.contains("sku: { name: 'Standard_"), "{template} fixes the redundancy");
    }
    for template in ["infra/main.bicep", "infra/container-apps.bicep"] {
        assert!(file(template).contains("param storageSku string = 'Standard_LRS'"), "{template}");
    }
}

#[test]
fn every_setting_in_the_infrastructure_is_one_of_ours_or_of_the_platforms() {
    let bicep = file("infra/main.bicep");
    let settings = bicep.split_once("appSettings: concat(").unwrap().1;
    let names = between(settings.split_once("plainSettings").unwrap().0, "name: '", "'");
    assert!(names.len() > 6, "{names:?}");
    for name in names {
        assert!(is_ours(name) || PLATFORM.contains(&name), "{name}");
    }
    let example = file("infra/main.bicepparam");
    let plain = example.split_once("param settings = {").unwrap().1.split_once("\n}").unwrap().0;
    let plain: Vec<_> = plain.lines().filter_map(|line| Some(line.trim().split_once(": ")?.0)).collect();
    let secret = example.split_once("param secrets = [").unwrap().1.split_once(']').unwrap().0;
    let secret: Vec<_> = secret.split('\'').skip(1).step_by(2).collect();
    assert!(plain.len() > 3 && secret.len() > 3, "{plain:?} {secret:?}");
    for name in plain.iter().chain(&secret) {
        assert!(is_setting_name(name) && is_ours(name), "{name}");
    }
}

#[test]
fn every_role_is_the_documented_one_and_is_given() {
    let bicep = file("infra/main.bicep");
    let (_, rest) = bicep.split_once("var roles = {").unwrap();
    let (listed, rest) = rest.split_once('}').unwrap();
    let listed: Vec<_> = listed.lines().filter_map(|line| line.trim().split_once(": ")).collect();
    let listed: Vec<_> = listed.iter().map(|(name, id)| (*name, id.trim_matches('\''))).collect();
    assert_eq!(listed, ROLES);
    for (name, _) in ROLES {
        assert!(
            rest.contains(&format!("'Microsoft.Authorization/roleDefinitions', roles.{name})")),
            "{name}"
        );
    }
}

#[test]
fn no_key_and_no_secret_comes_out_of_the_deployment() {
    let bicep = file("infra/main.bicep");
    for word in
        ["listKeys(", "listKeys (", "listSecrets(", "listAccountSas(", "AccountKey=", "InstrumentationKey"]
    {
        assert!(!bicep.contains(word), "{word}");
    }
    for (template, _) in &DEPLOYED[1..] {
        let text = file(template);
        assert!(!text.contains("listKeys") && !text.contains("AccountKey="), "{template}");
    }
    let outputs: Vec<_> = bicep.lines().filter(|line| line.starts_with("output ")).collect();
    assert!(outputs.len() > 2);
    for output in outputs {
        assert!(!output.to_ascii_lowercase().contains("connectionstring"), "{output}");
    }
    assert_eq!(bicep.matches("allowSharedKeyAccess: false").count(), 2);
    assert_eq!(bicep.matches("allowBlobPublicAccess: false").count(), 2);
}

#[test]
fn azd_hands_on_what_a_region_decides_and_each_of_its_variables_is_explained() {
    let (main, azd, values) =
        (file("infra/main.bicep"), file("infra/azd.bicep"), file("infra/azd.bicepparam"));
    let kept = ["maximumInstances", "httpConcurrency", "addressPrefix", "azdService"];
    let parameters = main.lines().filter_map(|line| line.strip_prefix("param ")?.split(' ').next());
    for name in parameters.filter(|name| !kept.contains(name)) {
        assert!(
            azd.contains(&format!("\n    {name}: ")),
            "{name} has main.bicep's default, whatever azd is told"
        );
    }
    let page = file("docs/deploying.md");
    let variables = between(&values, "readEnvironmentVariable('CONNECTOR_", "'");
    assert!(variables.len() > 9, "{variables:?}");
    for name in variables {
        assert!(page.contains(&format!("| `CONNECTOR_{name}` |")), "{name}");
    }
}

#[test]
fn what_a_template_sets_itself_is_said_not_to_stand_among_the_settings() {
    for (template, list) in
        [("infra/main.bicep", "appSettings: concat("), ("infra/container-apps.bicep", "env: concat(")]
    {
        let bicep = file(template);
        let said = bicep.lines().find(|line| line.starts_with("@description('Settings as in")).unwrap();
        let (_, settings) = bicep.split_once(list).unwrap();
        let names = between(settings.split_once("plainSettings").unwrap().0, "name: '", "'");
        for name in names.into_iter().filter(|name| is_ours(name)) {
            assert!(said.contains(&format!("`{name}`")), "{template}: {name}");
        }
    }
}

#[test]
fn a_release_reaches_flex_consumption_without_a_publish_profile() {
    let workflow = file(".github/workflows/deploy.yml");
    let (permissions, steps) = workflow.split_once("\njobs:").unwrap();
    assert!(steps.contains("az functionapp deployment source config-zip"));
    assert!(!steps.contains("uses: azure/functions-action"));
    assert!(steps.contains("gh attestation verify") && permissions.contains("\n  attestations: read\n"));
}

#[test]
fn an_image_has_the_tag_that_people_are_told() {
    let workflow = file(".github/workflows/release.yml");
    assert!(workflow.contains("VERSION=${GITHUB_REF_NAME#v}"));
    assert!(workflow.contains("${{ env.IMAGE }}:${{ env.VERSION }}"));
    assert!(file("docs/deploying.md").contains("servicenow-handoff:<version>"));
    assert!(!file("infra/container-apps.bicepparam").contains("servicenow-handoff:v"));
}

#[test]
fn the_brackets_close_and_every_parameter_of_the_example_exists() {
    for (template, example) in DEPLOYED {
        agree(&file(template), &file(example));
    }
    for part in PARTS {
        assert!(is_balanced(&file(part)), "{part}");
    }
}

fn agree(bicep: &str, example: &str) {
    assert!(is_balanced(bicep) && is_balanced(example));
    for line in example.lines().filter_map(|line| line.strip_prefix("param ")) {
        let name = line.split(' ').next().unwrap();
        assert!(bicep.contains(&format!("\nparam {name} ")), "{name}");
    }
    let required =
        bicep.lines().filter_map(|line| line.strip_prefix("param ")).filter(|line| !line.contains('='));
    for name in required.map(|line| line.split(' ').next().unwrap()) {
        assert!(example.contains(&format!("param {name} =")), "{name} has no default and no example");
    }
}

#[test]
fn the_example_names_nothing_real() {
    for (_, example) in DEPLOYED {
        let example = file(example);
        for host in between(&example, "https://", "'").iter().map(|url| url.split(['/', '"']).next().unwrap())
        {
            assert!(host.ends_with("example.com"), "{host}");
        }
    }
}
