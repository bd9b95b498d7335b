//! Files that a client's message names. Pure.

use serde_json::{Map, Value, json};
use url::Url;

use crate::{
    domain::Attachment,
    files::{Address, name},
    wire::activity::Activity,
};

/// Whether a message has more in it than words.
pub fn has_attachments(activity: &Activity) -> bool {
    activity.attachments.as_ref().is_some_and(|attachments| !attachments.is_empty())
}

/// The message as if it named the files that came beside it: they are part of what it answers.
pub fn with_files(activity: &Activity, files: &[Attachment]) -> Activity {
    let named = files
        .iter()
        .map(|file| json!({"contentType": file.media_type, "contentUrl": file.url, "name": file.name}));
    let attachments = activity.attachments.iter().flatten().cloned().chain(named).collect();
    Activity { attachments: Some(attachments), ..activity.clone() }
}

/// What leads where.
pub fn sorted(attachments: Vec<Attachment>, direct_line: Option<&Url>) -> Vec<(Attachment, Address)> {
    let read = |attachment: Attachment| {
        let address = Address::read(&attachment.url, direct_line);
        (attachment, address)
    };
    attachments.into_iter().map(read).collect()
}

/// Whether an attachment of a message is a file that came beside it: it has the name, and nothing of its own.
pub fn is_named(attachment: &Value, file: &Attachment) -> bool {
    let own = attachment.get("contentUrl").is_some() || attachment.get("content").is_some();
    let name = attachment.get("name").and_then(Value::as_str);
    !own && name.is_some_and(|name| name::file_name(name) == file.name)
}

/// What we have taken is shown from where it is now; what leads nowhere is shown without its address.
pub fn mend_echo(echo: &mut Map<String, Value>, direct_line: Option<&Url>) {
    let Some(Value::Array(attachments)) = echo.get_mut("attachments") else { return };
    attachments.retain_mut(|attachment| {
        let Some(address) = attachment.get("contentUrl").and_then(Value::as_str) else { return true };
        match (Address::read(address, direct_line), attachment.as_object_mut()) {
            (Address::Data { .. }, _) => false,
            (Address::Useless, Some(fields)) => {
                fields.remove("contentUrl");
                true
            }
            (Address::Useless | Address::Fetchable, _) => true,
        }
    });
    if attachments.is_empty() {
        echo.remove("attachments");
    }
}
