//! The object identifiers of certificates and timestamp tokens.

use crate::base::encoding::der::Oid;

macro_rules! oids {
    ($($(#[$doc:meta])* $name:ident = [$($byte:literal),* $(,)?];)*) => {
        $($(#[$doc])* pub const $name: Oid<'static> = Oid::constant(&[$($byte),*]);)*
    };
}

oids! {
    /// 2.5.29.14 subjectKeyIdentifier
    SUBJECT_KEY_ID = [0x55, 0x1d, 14];
    /// 2.5.29.15 keyUsage
    KEY_USAGE = [0x55, 0x1d, 15];
    /// 2.5.29.17 subjectAltName
    SUBJECT_ALT_NAME = [0x55, 0x1d, 17];
    /// 2.5.29.19 basicConstraints
    BASIC_CONSTRAINTS = [0x55, 0x1d, 19];
    /// 2.5.29.30 nameConstraints
    NAME_CONSTRAINTS = [0x55, 0x1d, 30];
    /// 2.5.29.35 authorityKeyIdentifier
    AUTHORITY_KEY_ID = [0x55, 0x1d, 35];
    /// 2.5.29.37 extKeyUsage
    EXTENDED_KEY_USAGE = [0x55, 0x1d, 37];
    /// 1.3.6.1.5.5.7.3.1 id-kp-serverAuth
    SERVER_AUTH = [0x2b, 6, 1, 5, 5, 7, 3, 1];
    /// 1.3.6.1.5.5.7.3.2 id-kp-clientAuth
    CLIENT_AUTH = [0x2b, 6, 1, 5, 5, 7, 3, 2];
    /// 1.3.6.1.5.5.7.3.3 id-kp-codeSigning
    CODE_SIGNING = [0x2b, 6, 1, 5, 5, 7, 3, 3];
    /// 1.3.6.1.5.5.7.3.8 id-kp-timeStamping
    TIME_STAMPING = [0x2b, 6, 1, 5, 5, 7, 3, 8];
    /// 1.3.6.1.4.1.11129.2.4.2 embedded SCT list, RFC 6962 section 3.3
    SCT_LIST = [0x2b, 6, 1, 4, 1, 0xd6, 0x79, 2, 4, 2];
    /// 1.3.6.1.4.1.11129.2.4.3 precertificate poison, RFC 6962 section 3.1
    CT_POISON = [0x2b, 6, 1, 4, 1, 0xd6, 0x79, 2, 4, 3];
    /// 1.3.6.1.4.1.57264.1 the arc of Fulcio's extensions
    FULCIO = [0x2b, 6, 1, 4, 1, 0x83, 0xbf, 0x30, 1];
    /// 1.3.6.1.4.1.57264.1.7 otherName of a Fulcio username
    FULCIO_USERNAME = [0x2b, 6, 1, 4, 1, 0x83, 0xbf, 0x30, 1, 7];
    /// 1.3.6.1.4.1.57264.2 the policy of Sigstore timestamp authorities
    SIGSTORE_TSA_POLICY = [0x2b, 6, 1, 4, 1, 0x83, 0xbf, 0x30, 2];
    /// 2.5.4.3 commonName
    COMMON_NAME = [0x55, 4, 3];
    /// 2.5.4.10 organizationName
    ORGANIZATION = [0x55, 4, 10];

    /// 1.2.840.10045.2.1 id-ecPublicKey
    EC_PUBLIC_KEY = [0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
    /// 1.2.840.10045.4.1 ecdsa-with-SHA1
    ECDSA_SHA1 = [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 1];
    /// 1.2.840.10045.4.3.2 ecdsa-with-SHA256
    ECDSA_SHA256 = [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
    /// 1.2.840.10045.4.3.3 ecdsa-with-SHA384
    ECDSA_SHA384 = [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 3];
    /// 1.2.840.10045.4.3.4 ecdsa-with-SHA512
    ECDSA_SHA512 = [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 4];
    /// 1.2.840.113549.1.1.1 rsaEncryption
    RSA_ENCRYPTION = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];
    /// 1.2.840.113549.1.1.4 md5WithRSAEncryption
    RSA_MD5 = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 4];
    /// 1.2.840.113549.1.1.5 sha1WithRSAEncryption
    RSA_SHA1 = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 5];
    /// 1.2.840.113549.1.1.8 id-mgf1
    MGF1 = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 8];
    /// 1.2.840.113549.1.1.10 id-RSASSA-PSS
    RSA_PSS = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 10];
    /// 1.2.840.113549.1.1.11 sha256WithRSAEncryption
    RSA_SHA256 = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11];
    /// 1.2.840.113549.1.1.12 sha384WithRSAEncryption
    RSA_SHA384 = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 12];
    /// 1.2.840.113549.1.1.13 sha512WithRSAEncryption
    RSA_SHA512 = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 13];
    /// 1.3.101.112 id-Ed25519
    ED25519 = [0x2b, 0x65, 0x70];
    /// 1.2.840.113549.2.5 id-md5
    MD5 = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 2, 5];
    /// 1.3.14.3.2.26 id-sha1
    SHA1 = [0x2b, 14, 3, 2, 26];
    /// 2.16.840.1.101.3.4.2.4 id-sha224
    SHA224 = [0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 4];
    /// 2.16.840.1.101.3.4.2.1 id-sha256
    SHA256 = [0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1];
    /// 2.16.840.1.101.3.4.2.2 id-sha384
    SHA384 = [0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 2];
    /// 2.16.840.1.101.3.4.2.3 id-sha512
    SHA512 = [0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 3];

    /// 1.2.840.113549.1.7.2 id-signedData, RFC 5652 section 5.1
    SIGNED_DATA = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 2];
    /// 1.2.840.113549.1.9.16.1.4 id-ct-TSTInfo, RFC 3161 section 2.4.2
    TST_INFO = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 16, 1, 4];
    /// 1.2.840.113549.1.9.3 id-contentType, RFC 5652 section 11.1
    CONTENT_TYPE = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 3];
    /// 1.2.840.113549.1.9.4 id-messageDigest, RFC 5652 section 11.2
    MESSAGE_DIGEST = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 4];
    /// 1.2.840.113549.1.9.14 id-extensionReq, RFC 2985 section 5.4.2
    EXTENSION_REQUEST = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 14];
    /// 1.2.840.113549.1.9.5 id-signingTime, RFC 5652 section 11.3
    SIGNING_TIME = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 5];
    /// 1.2.840.113549.1.9.16.2.12 id-aa-signingCertificate (SHA-1), RFC 2634 section 5.4
    SIGNING_CERTIFICATE = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 16, 2, 12];
    /// 1.2.840.113549.1.9.16.2.47 id-aa-signingCertificateV2, RFC 5035 section 3
    SIGNING_CERTIFICATE_V2 = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 16, 2, 47];
}
