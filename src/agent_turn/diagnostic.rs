//! Events that Copilot Studio adds for its own test pane and for transcripts.

/// Whether an event is for developers to look at.
///
/// Followed: the catalogue of event names seen in published agents' transcripts. What is no diagnostic was put there
/// by the agent's author, for somebody who listens.
pub fn is_diagnostic(name: &str) -> bool {
    const NAMES: [&str; 2] = ["ProtocolInfo", "agent.capabilities"];
    const STARTS: [&str; 4] =
        ["DynamicPlan", "DynamicServer", "Microsoft.PowerApps.Copilot.", "ConnectedAgent"];
    const ENDS: [&str; 3] = ["TraceData", "SupportData", "Tracing"];
    NAMES.contains(&name)
        || STARTS.iter().any(|start| name.starts_with(start))
        || ENDS.iter().any(|end| name.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_copilot_studio_adds_is_diagnostic_and_what_an_author_sends_is_not() {
        for name in [
            "DialogTracing",
            "DynamicPlanReceived",
            "DynamicPlanReceivedDebug",
            "DynamicPlanStepTriggered",
            "DynamicPlanStepBindUpdate",
            "DynamicPlanStepFinished",
            "DynamicPlanStepBlocked",
            "DynamicPlanFinished",
            "DynamicServerInitialize",
            "DynamicServerToolsList",
            "UniversalSearchToolTraceData",
            "ResponseGeneratorSupportData",
            "GenerativeAnswersSupportData",
            "ConnectedAgentInitializeTraceData",
            "AIBuilderTraceData",
            "ProtocolInfo",
            "Microsoft.PowerApps.Copilot.RecordUpdate",
            "agent.capabilities",
        ] {
            assert!(is_diagnostic(name), "{name}");
        }
        for name in ["EscalateToHuman", "GenesysHandoff", "EndOfConversation", "openPage", "", "Trace"] {
            assert!(!is_diagnostic(name), "{name}");
        }
    }
}
