use super::*;

fn id(raw: &str) -> ConversationId {
    ConversationId::parse(raw).expect("an id")
}

fn read(line: &str) -> Option<Operation> {
    let (method, path) = line.split_once(' ').expect("a method and a path");
    Operation::read(&Method::from_bytes(method.as_bytes()).expect("a method"), path)
}

#[test]
fn direct_lines_operations_are_known_in_every_spelling() {
    use Operation::*;
    let attachment = |segments: &[&str]| Attachment(segments.iter().map(|one| (*one).to_owned()).collect());
    for (line, operation) in [
        ("POST conversations", Start),
        ("POST /Conversations/", Start),
        ("POST //CONVERSATIONS//", Start),
        ("POST %63onversations", Start),
        ("POST tokens/generate", Generate),
        ("POST Tokens//Refresh/", Refresh),
        ("GET conversations/aB-c", Reconnect(id("aB-c"))),
        ("GET conversations/aB-c/", Reconnect(id("aB-c"))),
        ("GET conversations/aB-c/activities", Read(id("aB-c"))),
        ("GET Conversations//aB-c/ACTIVITIES//", Read(id("aB-c"))),
        ("GET conversations/a%42-c/%61ctivities", Read(id("aB-c"))),
        ("POST conversations/aB-c/activities", Post(id("aB-c"))),
        ("POST conversations/aB-c/activities/", Post(id("aB-c"))),
        ("POST conversations/aB-c//activities", Post(id("aB-c"))),
        ("POST conversations/aB-c/Activitie%73", Post(id("aB-c"))),
        ("POST conversations/a%7Cb/activities", Post(id("a|b"))),
        ("POST conversations/aB-c/Upload", Upload(id("aB-c"))),
        ("GET conversations/aB-c/Stream/", Stream(id("aB-c"))),
        ("GET session/GetSessionId", SessionId),
        ("GET attachments/1/plan.pdf", attachment(&["1", "plan.pdf"])),
        ("HEAD attachments/1/0/a%20b.pdf", attachment(&["1", "0", "a b.pdf"])),
    ] {
        assert_eq!(read(line), Some(operation), "{line}");
    }
}

#[test]
fn all_else_is_nothing() {
    for line in [
        "GET ",
        "GET conversations",
        "HEAD conversations/abc/activities",
        "PUT conversations/abc/activities",
        "PATCH conversations/abc/activities",
        "DELETE conversations/abc/activities",
        "get conversations/abc/activities",
        "POST conversations/abc",
        "GET conversations/abc/upload",
        "POST conversations/abc/stream",
        "GET conversations/abc/activities/1",
        "POST conversations/abc/activities;v=1",
        "POST conversations/abc/activities%00",
        "POST conversations/abc/activities%20",
        "POST conversations/abc/activities%2f",
        "POST conversations/abc/activities%3f",
        "POST conversations/abc%2factivities",
        "POST conversations/abc%5Cactivities",
        "POST conversations\\abc\\activities",
        "POST conversations/abc/%2561ctivities",
        "POST conversations/abc/activit\u{131}es",
        "POST conversations/./abc/activities",
        "POST conversations/abc/../abd/activities",
        "POST conversations/%2e%2e/activities",
        "POST conversations/%2E./activities",
        "POST conversations/%ff/activities",
        "POST conversations/%0d%0a/activities",
        "GET conversations/caf%C3%A9",
        "GET conversations/a%3Fb%23c",
        "GET conversations/abc;a=b/activities",
        "GET conversations/abc%20/activities",
        "GET conversations/abc./activities",
        "POST tokens",
        "GET tokens/refresh",
        "POST tokens/refresh/x",
        "POST session/getsessionid",
        "GET session",
        "GET attachments",
        "GET attachments/..%2f..%2fadmin",
        "GET attachments/1/2/3/4/5/6/7/8/9",
        "GET botconnector/conversations/abc/activities",
    ] {
        assert_eq!(read(line), None, "{line}");
    }
}

#[test]
fn what_goes_on_is_built_from_the_operation() {
    for (line, path) in [
        ("POST //Conversations/%61%7Cb//Activities/", "conversations/a%7Cb/activities"),
        ("GET attachments/a%20b/%25.png", "attachments/a%20b/%25.png"),
    ] {
        let operation = read(line).expect("an operation");
        assert_eq!(operation.path(), path, "{line}");
        assert_eq!(
            Operation::read(&line.split(' ').next().unwrap_or_default().parse().expect("a method"), path),
            Some(operation)
        );
    }
}
