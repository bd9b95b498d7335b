//! Addresses of files that users name instead of sending them.

use std::net::{Ipv4Addr, Ipv6Addr};

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use percent_encoding::percent_decode_str;
use url::{Host, Url};

use super::name;

/// What ServiceNow could do with an address.
#[derive(Debug, PartialEq, Eq)]
pub enum Address {
    /// Fetch it: it is Direct Line's, or public.
    Fetchable,
    /// The file stands in the address itself; it is not empty.
    Data { media_type: String, bytes: Vec<u8> },
    /// Nothing: another scheme, a file that is empty or can't be read, or a place that only somebody inside should reach.
    Useless,
}

impl Address {
    /// `direct_line`: its root, when it is known.
    pub fn read(raw: &str, direct_line: Option<&Url>) -> Self {
        if raw.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:")) {
            return data(&raw[5..]).unwrap_or(Self::Useless);
        }
        let Ok(url) = Url::parse(raw) else { return Self::Useless };
        let web =
            matches!(url.scheme(), "http" | "https") && url.username().is_empty() && url.password().is_none();
        let own = direct_line.is_some_and(|root| root.origin() == url.origin());
        if web && (own || url.host().is_some_and(|host| is_public(&host))) {
            Self::Fetchable
        } else {
            Self::Useless
        }
    }
}

/// As browsers read it: with padding or without.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

fn data(rest: &str) -> Option<Address> {
    let (head, body) = rest.split_once(',')?;
    let (described, base64) = match head.rsplit_once(';') {
        Some((described, encoding)) if encoding.trim().eq_ignore_ascii_case("base64") => (described, true),
        _ => (head, false),
    };
    let bytes: Vec<u8> = percent_decode_str(body).collect();
    let signs = || bytes.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect::<Vec<_>>();
    let bytes = if base64 { BASE64.decode(signs()).ok()? } else { bytes };
    let media_type =
        if described.trim().is_empty() { "text/plain".to_owned() } else { name::media_type(described) };
    (!bytes.is_empty()).then_some(Address::Data { media_type, bytes })
}

/// Whether a host can be outside; a name is only looked at, not looked up.
pub fn is_public(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => {
            let name = name.trim_end_matches('.');
            let inside = ["localhost", "local", "internal", "intranet", "lan", "home", "corp", "arpa"];
            name.rsplit_once('.').is_some_and(|(_, top)| !inside.contains(&top))
        }
        Host::Ipv4(address) => is_public_v4(*address),
        Host::Ipv6(address) => is_public_v6(*address),
    }
}

/// Where nobody outside is (IANA's registries of special addresses), and Azure's own host on every virtual network.
fn is_public_v4(address: Ipv4Addr) -> bool {
    const SPECIAL: [([u8; 4], u8); 16] = [
        ([0, 0, 0, 0], 8),
        ([10, 0, 0, 0], 8),
        ([100, 64, 0, 0], 10),
        ([127, 0, 0, 0], 8),
        ([168, 63, 129, 16], 32),
        ([169, 254, 0, 0], 16),
        ([172, 16, 0, 0], 12),
        ([192, 0, 0, 0], 24),
        ([192, 0, 2, 0], 24),
        ([192, 31, 196, 0], 24),
        ([192, 88, 99, 0], 24),
        ([192, 168, 0, 0], 16),
        ([198, 18, 0, 0], 15),
        ([198, 51, 100, 0], 24),
        ([203, 0, 113, 0], 24),
        // Multicast, reserved, broadcast.
        ([224, 0, 0, 0], 3),
    ];
    let given = u32::from(address);
    let in_block = |(block, bits): &([u8; 4], u8)| (given ^ u32::from_be_bytes(*block)) >> (32 - bits) == 0;
    !SPECIAL.iter().any(in_block)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    if let Some(inner) = address.to_ipv4() {
        return is_public_v4(inner);
    }
    // Global unicast; what tunnels IPv4 in it (6to4, Teredo) could mean any address inside, and some of it is for protocols and
    // for books.
    match address.segments() {
        [0x2001, 0..0x200, ..] | [0x2001, 0xdb8, ..] | [0x2002, ..] | [0x3fff, 0..0x1000, ..] => false,
        [first, ..] => (0x2000..0x4000).contains(&first),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_places_and_direct_line_are_named_to_servicenow() {
        let direct_line = Url::parse("http://127.0.0.1:8080/v3/directline/").expect("a URL");
        let fetchable = [
            "https://example.com/a.png",
            "http://www.example.com/a.png?x=1",
            "https://93.184.216.34/a.png",
            "https://[2606:2800:220:1::1]/a.png",
            "https://168.63.129.17/a.png",
            "https://198.20.0.1/a.png",
            "https://172.32.0.1/a.png",
            "http://127.0.0.1:8080/v3/attachments/1/views/original",
        ];
        let useless = [
            "http://127.0.0.1:8081/a",
            "http://localhost/a",
            "https://intranet/a",
            "https://printer.local/a",
            "http://10.0.0.1/a",
            "http://192.168.1.1/a",
            "http://172.16.0.1/a",
            "http://169.254.169.254/latest/meta-data",
            "http://100.64.0.1/a",
            "http://0x7f000001/a",
            "http://2130706433/a",
            "http://[::1]/a",
            "http://[::ffff:10.0.0.1]/a",
            "http://[fd00::1]/a",
            "http://[2002:a00:1::]/a",
            "http://0.0.0.0/a",
            "http://168.63.129.16/metadata",
            "http://192.0.0.8/a",
            "http://198.18.0.1/a",
            "http://198.19.255.255/a",
            "http://203.0.113.9/a",
            "http://224.0.0.1/a",
            "http://255.255.255.255/a",
            "http://[2001:db8::1]/a",
            "http://[2001:0:1::1]/a",
            "http://[3fff::1]/a",
            "http://[64:ff9b::a00:1]/a",
            "http://[fe80::1]/a",
            "https://u:p@example.com/a",
            "ftp://example.com/a",
            "file:///etc/passwd",
            "blob:https://example.com/1",
            "javascript:alert(1)",
            "a.png",
            "",
        ];
        for address in fetchable {
            assert_eq!(Address::read(address, Some(&direct_line)), Address::Fetchable, "{address}");
        }
        for address in useless {
            assert_eq!(Address::read(address, Some(&direct_line)), Address::Useless, "{address}");
        }
    }

    #[test]
    fn a_file_that_stands_in_its_address_is_read() {
        let rows: [(&str, &str, &[u8]); 6] = [
            ("data:image/png;base64,AAEC", "image/png", &[0, 1, 2]),
            ("data:image/gif;base64,AAE", "image/gif", &[0, 1]),
            ("data:image/png;base64, AA\r\nEC", "image/png", &[0, 1, 2]),
            ("data:,hello%20there", "text/plain", b"hello there"),
            ("DATA:text/plain;charset=utf-8,%C3%A4", "text/plain", "ä".as_bytes()),
            ("data:nonsense;base64,AA%3D%3D", "application/octet-stream", &[0]),
        ];
        for (address, media_type, bytes) in rows {
            let expected = Address::Data { media_type: media_type.into(), bytes: bytes.to_vec() };
            assert_eq!(Address::read(address, None), expected, "{address}");
        }
        for broken in [
            "data:",
            "data:image/png;base64",
            "data:image/png;base64,***",
            "data:image/png;base64,",
            "data:,",
        ] {
            assert_eq!(Address::read(broken, None), Address::Useless, "{broken}");
        }
    }
}
