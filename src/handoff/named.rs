//! Files that a client's message names. Pure.

use serde_json::{Map, Value, json};
use url::Url;

use crate::{
    domain::Attachment,
    files::{Address, FileHead, name},
    session::{FileFault, Notice, ToAgent, UserSaid},
    translate::texts::Words,
    wire::activity::Activity,
};

/// Whether a message has more in it than words.
pub fn has_attachments(activity: &Activity) -> bool {
    activity.attachments.as_ref().is_some_and(|attachments| !attachments.is_empty())
}

/// What goes with a message's words.
pub struct Attached {
    /// The message as if it named the files that came beside it: they are part of what it answers.
    pub activity: Activity,
    /// Those that we have put where ServiceNow finds them.
    pub files: Vec<Attachment>,
    /// What ServiceNow is told of: those, and what it can fetch itself.
    pub told: Vec<Attachment>,
    /// What those are called that go nowhere.
    pub left_out: Vec<String>,
    /// Whether the message itself holds some of them, or what only looks like one: that may be words.
    pub holds_some: bool,
    pub direct_line: Option<Url>,
}

impl Attached {
    /// What the user is told of what goes nowhere.
    pub fn notice(&self) -> Option<Notice> {
        let name = self.left_out.join(", ");
        (!self.left_out.is_empty()).then_some(Notice::FileRefused { name, why: FileFault::NotTaken })
    }

    /// The words with all of it. `said`: of a message that may have none. A choice is its value and nothing else.
    pub fn go_with(&self, said: &mut UserSaid, words: &Words) {
        let mut message = said.message.take().unwrap_or(ToAgent { typed: true, ..ToAgent::default() });
        message.typed |= message.text.is_empty();
        if message.typed {
            let left_out = self.left_out.iter().map(|name| words.file_left_out(name));
            let lines = [message.text].into_iter().filter(|text| !text.is_empty()).chain(left_out);
            message.text = lines.collect::<Vec<_>>().join("\n");
        }
        message.attachments.clone_from(&self.told);
        let nothing = message.text.trim().is_empty() && self.told.is_empty();
        said.message = (!nothing).then_some(message);
        said.files.clone_from(&self.files);
        mend_echo(&mut said.echo, self.direct_line.as_ref());
    }
}

/// The message as if it named these files.
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

/// The file that an address leads to, as far as it tells.
pub fn head(attachment: &Attachment, address: &Address) -> Option<FileHead> {
    let (media_type, length) = match address {
        Address::Useless => return None,
        Address::Fetchable => (&attachment.media_type, None),
        Address::Data { media_type, bytes } => (media_type, Some(bytes.len() as u64)),
    };
    Some(FileHead { name: name::file_name(&attachment.name), media_type: media_type.clone(), length })
}

/// Whether an attachment of a message is a file that came beside it: it has the name, and nothing of its own.
pub fn is_named(attachment: &Value, file: &Attachment) -> bool {
    let own = attachment.get("contentUrl").is_some() || attachment.get("content").is_some();
    let name = attachment.get("name").and_then(Value::as_str);
    !own && name.is_some_and(|name| name::file_name(name) == file.name)
}

/// What we have taken keeps its place, by its name, and is shown from where it is now; what leads nowhere is shown without its
/// address.
fn mend_echo(echo: &mut Map<String, Value>, direct_line: Option<&Url>) {
    let Some(Value::Array(attachments)) = echo.get_mut("attachments") else { return };
    attachments.retain_mut(|attachment| {
        let Some(address) = attachment.get("contentUrl").and_then(Value::as_str) else { return true };
        match (Address::read(address, direct_line), attachment.as_object_mut()) {
            (Address::Data { .. }, Some(fields)) => {
                fields.retain(|field, value| {
                    field == "name" && value.as_str().is_some_and(|name| !name.trim().is_empty())
                });
                !fields.is_empty()
            }
            (Address::Useless, Some(fields)) => {
                fields.remove("contentUrl");
                true
            }
            (_, _) => true,
        }
    });
    if attachments.is_empty() {
        echo.remove("attachments");
    }
}
