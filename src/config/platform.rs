//! Where the process runs, told from the variables that platforms set.
//!
//! No variable stands for a platform by itself: Flex Consumption has no `WEBSITE_INSTANCE_ID`, and `CONTAINER_NAME`
//! is set by others than Azure. Follows the Functions host's own `EnvironmentExtensions`.

/// Where the process runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Platform {
    /// App Service, and the Functions plans on it: Premium, Dedicated, Windows Consumption.
    AppService,
    /// The Linux Consumption plan.
    Consumption,
    FlexConsumption,
    ContainerApps,
    Kubernetes,
    /// A terminal, a virtual machine, a container by itself.
    Machine,
}

/// Everything that is looked at; not settings a person writes.
pub const SIGNS: [&str; 10] = [
    INSTANCE,
    SKU,
    SITE,
    POD,
    LEGION,
    CONTAINER,
    CONTAINER_APP,
    CONTAINER_APP_REVISION,
    KUBERNETES,
    KUBERNETES_PORT,
];
const INSTANCE: &str = "WEBSITE_INSTANCE_ID";
const SKU: &str = "WEBSITE_SKU";
const SITE: &str = "WEBSITE_SITE_NAME";
const POD: &str = "WEBSITE_POD_NAME";
const LEGION: &str = "LEGION_SERVICE_HOST";
const CONTAINER: &str = "CONTAINER_NAME";
const CONTAINER_APP: &str = "CONTAINER_APP_NAME";
const CONTAINER_APP_REVISION: &str = "CONTAINER_APP_REVISION";
const KUBERNETES: &str = "KUBERNETES_SERVICE_HOST";
const KUBERNETES_PORT: &str = "KUBERNETES_SERVICE_PORT";

/// A platform, and the variables by which it was known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub platform: Platform,
    /// Those of [`SIGNS`] that are set; not all of them tell of this platform.
    pub signs: Vec<&'static str>,
}

impl Place {
    /// Looks through `var`, where empty means unset.
    pub fn seen(var: impl Fn(&str) -> Option<String>) -> Self {
        let value = |name: &str| var(name).filter(|value| !value.trim().is_empty());
        let signs = SIGNS.into_iter().filter(|name| value(name).is_some()).collect();
        Self { platform: Platform::seen(value), signs }
    }
}

impl Platform {
    fn seen(value: impl Fn(&str) -> Option<String>) -> Self {
        let is_set = |name: &str| value(name).is_some();
        let sku = value(SKU).unwrap_or_default();
        let is_sku = |name: &str| sku.eq_ignore_ascii_case(name);
        // Container Apps run on Kubernetes, and may carry its variables too.
        if is_set(CONTAINER_APP) || is_set(CONTAINER_APP_REVISION) {
            Self::ContainerApps
        } else if is_sku("FlexConsumption") || is_set(LEGION) || is_set(POD) {
            Self::FlexConsumption
        } else if is_set(INSTANCE) {
            Self::AppService
        } else if is_sku("Dynamic") || (is_set(CONTAINER) && is_set(SITE)) {
            Self::Consumption
        } else if !sku.is_empty() {
            Self::AppService
        } else if is_set(KUBERNETES) || is_set(KUBERNETES_PORT) {
            Self::Kubernetes
        } else {
            Self::Machine
        }
    }

    /// As a sentence names it.
    pub fn name(self) -> &'static str {
        match self {
            Self::AppService => "Azure App Service",
            Self::Consumption => "the Azure Functions Consumption plan",
            Self::FlexConsumption => "the Azure Functions Flex Consumption plan",
            Self::ContainerApps => "Azure Container Apps",
            Self::Kubernetes => "Kubernetes",
            Self::Machine => "a machine of its own",
        }
    }

    /// Whether it is Azure's: an instance's disk is then its own and goes with it, and identities are managed.
    pub fn is_azure(self) -> bool {
        match self {
            Self::AppService | Self::Consumption | Self::FlexConsumption | Self::ContainerApps => true,
            Self::Kubernetes | Self::Machine => false,
        }
    }

    /// Whether something collects what is written, so that a line is better JSON than for people.
    pub fn collects_logs(self) -> bool {
        self != Self::Machine
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_platform_is_known_by_what_it_sets() {
        use Platform::*;
        let flex = [
            ("WEBSITE_SKU", "FlexConsumption"),
            ("WEBSITE_POD_NAME", "0--4711"),
            ("CONTAINER_NAME", "0--4711"),
            ("LEGION_SERVICE_HOST", "10.0.0.1"),
        ];
        let container_apps =
            [("CONTAINER_APP_NAME", "handoff"), ("KUBERNETES_SERVICE_HOST", "10.0.0.1"), ("PATH", "/bin")];
        let rows: [(&[(&str, &str)], Platform); 11] = [
            (&flex, FlexConsumption),
            // While the host is a placeholder, settings such as the SKU are not there yet.
            (&flex[1..], FlexConsumption),
            (&[("WEBSITE_INSTANCE_ID", "4711"), ("WEBSITE_SKU", "ElasticPremium")], AppService),
            (&[("WEBSITE_SKU", "Standard"), ("WEBSITE_SITE_NAME", "handoff")], AppService),
            (&[("WEBSITE_SKU", "Dynamic"), ("CONTAINER_NAME", "4711")], Consumption),
            (&[("CONTAINER_NAME", "4711"), ("WEBSITE_SITE_NAME", "handoff")], Consumption),
            (&container_apps, ContainerApps),
            (&container_apps[1..], Kubernetes),
            // Many a build machine and development container sets it.
            (&[("CONTAINER_NAME", "build-7")], Machine),
            (&[("WEBSITE_INSTANCE_ID", " "), ("WEBSITE_SKU", "")], Machine),
            (&[("WEBSITE_HOSTNAME", "localhost:7071"), ("FUNCTIONS_CUSTOMHANDLER_PORT", "4711")], Machine),
        ];
        for (set, expected) in rows {
            let var = |name: &str| {
                set.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
            };
            assert_eq!(Place::seen(var).platform, expected, "{set:?}");
        }
    }

    #[test]
    fn the_signs_are_those_that_are_set() {
        let var = |name: &str| ["WEBSITE_SKU", "PATH"].contains(&name).then(|| "Dynamic".to_owned());
        assert_eq!(Place::seen(var).signs, ["WEBSITE_SKU"]);
    }
}
