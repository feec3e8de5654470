use super::*;
use crate::base::limits;
use crate::base::time::UnixTime;

#[test]
fn lengths_are_canonical() {
    for length in [0, 1, 127, 128, 255, 256, 65_535, 65_536] {
        let encoded = octet_string(&vec![5; length]);
        assert_eq!(Reader::new(&encoded).octets().map(<[u8]>::len), Ok(length));
    }
    for bad in [&[0x04, 0x80, 0, 0][..], &[0x04, 0x81, 0x01, 0], &[0x04, 0x82, 0, 0x80], &[0x1f, 0x01, 0]] {
        assert_eq!(Reader::new(bad).element().err(), Some(DerError::Header), "{bad:?}");
    }
    assert_eq!(Reader::new(&[0x04, 2, 0]).octets(), Err(DerError::Truncated));
    assert_eq!(Reader::whole(&[0x30, 0, 0], tag::SEQUENCE).err(), Some(DerError::Trailing));
}

#[test]
fn integers_and_booleans() {
    assert_eq!(Reader::new(&integer(0)).small(), Ok(0));
    assert_eq!(Reader::new(&integer(0x80)).small(), Ok(0x80));
    assert_eq!(unsigned(&[0, 0, 0xff]), [2, 2, 0, 0xff]);
    for bad in [&[2, 0][..], &[2, 2, 0, 1], &[2, 2, 0xff, 0x80]] {
        assert_eq!(Reader::new(bad).integer(), Err(DerError::Value("integer")), "{bad:?}");
    }
    assert_eq!(Reader::new(&[2, 1, 0xff]).small(), Err(DerError::Value("integer")));
    assert_eq!(Reader::new(&[1, 1, 1]).boolean(), Err(DerError::Value("boolean")));
    assert_eq!(Reader::new(&boolean(true)).boolean(), Ok(true));
}

#[test]
fn identifiers() {
    let fulcio = Oid::constant(&[0x2b, 6, 1, 4, 1, 0x83, 0xbf, 0x30, 1, 8]);
    assert_eq!(fulcio.to_string(), "1.3.6.1.4.1.57264.1.8");
    assert_eq!(Oid::parse(&[0x88, 0x37]).map(|o| o.to_string()), Ok("2.999".to_owned()));
    for bad in [&[][..], &[0x80, 1], &[0x2b, 0x80, 1], &[0x2b, 0x86], &[0x81; 10]] {
        assert!(Oid::parse(bad).is_err(), "{bad:?}");
    }
    // An arc that 32-bit truncation would make equal to another.
    assert_ne!(Oid::parse(&[0x2b, 0x90, 0x80, 0x80, 0x80, 0x06]), Oid::parse(&[0x2b, 0x06]));
}

#[test]
fn named_bits_are_minimal() {
    assert_eq!(Reader::new(&[3, 2, 7, 0x80]).named_bits(), Ok(0x8000));
    assert_eq!(Reader::new(&[3, 1, 0]).named_bits(), Ok(0));
    for bad in [&[3, 2, 0, 0x80][..], &[3, 2, 7, 0xc0], &[3, 0], &[3, 1, 1], &[3, 2, 8, 0]] {
        assert!(Reader::new(bad).named_bits().is_err(), "{bad:?}");
    }
}

#[test]
fn times() {
    for seconds in [0, 1_700_000_000, 2_524_607_999, 2_524_608_000] {
        let time = UnixTime::from_secs(seconds);
        assert_eq!(Reader::new(&x509_time(time)).x509_time(), Ok(time));
    }
    let read = |text: &str| Reader::new(&tlv(tag::GENERALIZED_TIME, text.as_bytes())).generalized_time();
    assert_eq!(read("19700101000001.5Z"), Ok(UnixTime::from_millis(1500)));
    for bad in ["19700101000001.50Z", "19700101000001.Z", "19700101000001", "19700101000001+0100", "1970010100000Z"] {
        assert!(read(bad).is_err(), "{bad}");
    }
    // GeneralizedTime before 2050 is not DER for a certificate.
    assert!(Reader::new(&generalized_time(UnixTime::from_secs(0))).x509_time().is_err());
}

#[test]
fn depth_is_bounded() {
    let mut value = null();
    for _ in 0..10_000 {
        value = sequence(&[&value]);
    }
    let mut reader = Reader::new(&value);
    let mut levels = 0;
    let error = loop {
        match reader.sequence() {
            Ok(inner) => reader = inner,
            Err(error) => break error,
        }
        levels += 1;
    };
    assert_eq!((error, levels), (DerError::Depth, limits::DER_DEPTH));
}
