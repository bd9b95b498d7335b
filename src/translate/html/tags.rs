//! What is known of HTML's tags, by their names in lower case.

/// Tags of texts that people read. Scripts, styles and forms are none.
pub(super) fn is_known(name: &str) -> bool {
    const KNOWN: &str = "a abbr acronym address article aside b bdi bdo big blockquote body caption center cite \
        code dd del details dfn div dl dt em figcaption figure font h1 h2 h3 h4 h5 h6 html i ins kbd label li \
        main mark nobr o:p ol p pre q rb rp rt rtc ruby s samp section small span strike strong sub summary sup \
        table tbody td tfoot th thead time tr tt u ul var";
    is_among(name, KNOWN)
}

/// Those, and all others of HTML's: what bots send beside them that nobody reads or that is shown by its content.
pub(super) fn is_loosely_known(name: &str) -> bool {
    const KNOWN: &str = "applet audio button canvas colgroup data datalist dialog dir fieldset footer form head \
        header hgroup iframe legend map marquee menu meter nav object optgroup option output picture progress \
        search select slot style svg textarea title video";
    is_known(name) || is_loosely_void(name) || is_code(name) || is_among(name, KNOWN)
}

/// Tags of what nobody reads: when there are no others, a text is about them.
pub(super) fn is_code(name: &str) -> bool {
    matches!(name, "noscript" | "script" | "template")
}

/// Tags without an end that are read by their attributes, if at all.
pub(super) fn is_loosely_void(name: &str) -> bool {
    is_among(name, "area base col embed input link meta param source track")
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
    const BREAKS: &str = "address article aside blockquote body br caption center dd details dialog div dl dt figure \
        h1 h2 h3 h4 h5 h6 hr html li main ol p pre section table td th tr ul";
    is_among(name, BREAKS)
}

fn is_among(name: &str, names: &str) -> bool {
    names.split(' ').any(|known| known == name)
}
