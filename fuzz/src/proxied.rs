//! The header of a load balancer (PROXY protocol): read the same however its bytes come, and never farther
//! than it goes.

use dialgate::net::proxied::{Header, Read, read_header};

pub fn holds(data: &[u8]) {
    let whole = read_header(data);
    if let Ok(Read::Whole(header, length)) = &whole {
        assert!(*length <= data.len());
        // What stands behind it changes nothing.
        assert_eq!(read_header(&data[..*length]), whole);
        if let Header::Of(address) = header {
            assert!(!address.ip().is_unspecified() || *length > 16);
        }
    }
    // Of its beginnings none says something else.
    for end in 0..data.len().min(300) {
        match read_header(&data[..end]) {
            Ok(Read::Part) => {}
            settled => return assert_eq!(settled, whole, "after {end} bytes"),
        }
    }
}
