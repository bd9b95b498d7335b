"""Whether copilot-studio/*.yaml has the shape of exported topics, and names what the connector knows."""

import pathlib
import sys

import ruamel.yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
# The keys that public exports of classic agents show, by kind.
KINDS = {
    "AdaptiveDialog": {"kind", "startBehavior", "beginDialog"},
    "OnEscalate": {"kind", "id", "intent", "actions"},
    "SetVariable": {"kind", "id", "variable", "value"},
    "SendActivity": {"kind", "id", "activity", "conversationOutcome"},
    "TransferConversationV2": {"kind", "id", "transferType"},
    "TransferToAgent": {"kind", "messageToAgent", "context"},
    "AutomaticTransferContext": {"kind"},
}


def faults(node, path="topic"):
    if isinstance(node, dict):
        kind = node.get("kind")
        if kind is not None:
            if kind not in KINDS:
                yield f"{path}: no known kind {kind}"
            elif extra := set(node) - KINDS[kind]:
                yield f"{path}: {kind} has {sorted(extra)}"
        for key, value in node.items():
            yield from faults(value, f"{path}.{key}")
    elif isinstance(node, list):
        for index, item in enumerate(node):
            yield from faults(item, f"{path}[{index}]")


def main():
    text = (ROOT / "copilot-studio" / "Escalate.topic.yaml").read_text(encoding="utf-8")
    topic = ruamel.yaml.YAML(typ="safe").load(text)
    found = list(faults(topic))
    begin = topic["beginDialog"]
    actions = begin["actions"]
    ids = [action["id"] for action in actions]
    if len(set(ids)) != len(ids):
        found.append(f"ids are not unique: {ids}")
    if actions[-1]["kind"] != "TransferConversationV2":
        found.append("what comes after the transfer is never run: it must be last")
    if len(begin["intent"]["triggerQueries"]) < 5:
        found.append("few trigger phrases")
    # Formulas begin with `=`; a text in them has double quotes.
    for action in actions:
        if action["kind"] == "SetVariable" and not action["value"].startswith('="'):
            found.append(f"{action['id']}: {action['value']} is no formula")
    # The names must be those that the documentation and the demo's settings use.
    used = (ROOT / "docs" / "walkthrough.md").read_text(encoding="utf-8")
    for name in ("SupportQueue", "ServiceNowOutcome", "ServiceNowAgent"):
        if name not in text or name not in used:
            found.append(f"{name} is not named in both the topic and the walkthrough")
    if not list(faults({"kind": "OnEscalate", "action": []})):
        found.append("a wrong key goes unnoticed")
    for fault in found:
        print(fault, file=sys.stderr)
    sys.exit(1 if found else 0)


main()
