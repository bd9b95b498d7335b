//! What is known of HTML's tags, by their names in lower case.

/// Tags of texts that people read. Scripts, styles and forms are none.
pub(super) fn is_known(name: &str) -> bool {
    const KNOWN: &str = "a abbr address article aside b big blockquote body caption center cite code dd del \
        details div dl dt em figcaption figure font h1 h2 h3 h4 h5 h6 html i ins kbd li \
        main mark nobr o:p ol p pre q s samp section small span strike strong sub summary sup \
        table tbody td tfoot th thead time tr tt u ul var";
    is_among(name, KNOWN)
}

/// Those, and what bots send beside them that nobody reads or that is shown by its content.
pub(super) fn is_loosely_known(name: &str) -> bool {
    const KNOWN: &str = "audio button col colgroup fieldset footer form head header hgroup iframe label \
        legend meta nav optgroup option picture select style svg title video";
    is_known(name) || is_loosely_void(name) || is_among(name, KNOWN)
}

pub(super) fn is_loosely_void(name: &str) -> bool {
    matches!(name, "col" | "embed" | "input" | "link" | "meta" | "source")
}

/// Tags whose end HTML lets be left out.
pub(super) fn may_stay_open(name: &str) -> bool {
    is_among(name, "body dd dt head html li option p tbody td tfoot th thead tr")
}

/// Tags that have no end.
pub(super) fn is_void(name: &str) -> bool {
    matches!(name, "br" | "hr" | "img" | "wbr")
}

/// Tags that say where a line ends.
pub(super) fn breaks_lines(name: &str) -> bool {
    const BREAKS: &str = "address article aside blockquote body br caption center dd details div dl dt figure \
        h1 h2 h3 h4 h5 h6 hr html li main ol p pre section table td th tr ul";
    is_among(name, BREAKS)
}

fn is_among(name: &str, names: &str) -> bool {
    names.split(' ').any(|known| known == name)
}
