//! Which texts there are.

/// Declares texts by their ids, each with the variables its wording may have.
macro_rules! texts {
    ($($name:ident = $id:literal [$($variable:literal),*],)*) => {
        /// A text of ours.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Text { $($name,)* }

        impl Text {
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// What it is called in `TEXTS`.
            pub fn id(self) -> &'static str {
                match self { $(Self::$name => $id,)* }
            }

            /// What stands in braces in its wording.
            pub fn variables(self) -> &'static [&'static str] {
                match self { $(Self::$name => &[$($variable),*],)* }
            }
        }
    };
}

texts! {
    Skip = "skip" [],
    Send = "send" [],
    More = "more" [],
    Choose = "choose" [],
    ChooseOne = "choose-one" [],
    WatchVideo = "watch-video" [],
    Open = "open" [],
    Picture = "picture" [],
    HiddenAnswer = "hidden-answer" [],
    Date = "date" [],
    Time = "time" [],
    Upload = "upload" [],
    UploadPictures = "upload-pictures" [],
    UploadCount = "upload-count" ["count"],
    UploadSize = "upload-size" ["megabytes"],
    Rows = "rows" ["rows", "total"],
    LiveAgent = "live-agent" [],
    VirtualAgent = "virtual-agent" [],
    Joined = "joined" ["name"],
    JoinedUnnamed = "joined-unnamed" [],
    Ended = "ended" [],
    Left = "left" [],
    NobodyInTime = "nobody-in-time" [],
    NobodyAvailable = "nobody-available" [],
    NotOpened = "not-opened" [],
    Idle = "idle" [],
    NotDelivered = "not-delivered" ["text"],
    MayNotHaveArrived = "may-not-have-arrived" ["text"],
    FileRefused = "file-refused" ["name"],
    AnsweredBefore = "answered-before" [],
    EnterAgain = "enter-again" [],
    QuestionClosed = "question-closed" [],
    MissingChoice = "missing-choice" [],
    MissingWords = "missing-words" [],
    MissingDate = "missing-date" [],
    MissingTime = "missing-time" [],
    MissingDateTime = "missing-date-time" [],
    EmptyMessage = "empty-message" [],
    FileTooLarge = "file-too-large" ["name", "size"],
    FileTooMany = "file-too-many" ["count"],
    FileNoPicture = "file-no-picture" ["name"],
    TheFile = "the-file" [],
    FileWithMasked = "file-with-masked" [],
    FileNoRoom = "file-no-room" ["name"],
    ConversationFull = "conversation-full" [],
    Writing = "writing" [],
    User = "user" [],
    Bot = "bot" [],
    FileLeftOut = "file-left-out" ["name"],
    AskForPerson = "ask-for-person" [],
    Yes = "yes" [],
    No = "no" [],
    NoAnswer = "no-answer" [],
    NoTopic = "no-topic" [],
    NoPerson = "no-person" [],
    OutOfReach = "out-of-reach" [],
    MayBeLost = "may-be-lost" [],
    ConversationOver = "conversation-over" [],
    Vat = "vat" [],
    Tax = "tax" [],
    Total = "total" [],
    Required = "required" [],
    NoNumber = "no-number" [],
    NoDate = "no-date" [],
    NoTime = "no-time" [],
    TooSmall = "too-small" ["least"],
    TooLarge = "too-large" ["most"],
    TooLong = "too-long" ["longest"],
    OtherForm = "other-form" [],
    LinkOver = "link-over" [],
    LinkNotOurs = "link-not-ours" [],
    NothingHere = "nothing-here" [],
    FileAway = "file-away" [],
}
