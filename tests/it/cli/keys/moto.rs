//! AWS KMS as moto has it.

use std::process::Command;

use crate::cli::fixture::{Desk, stack_dir};
use crate::cli::{sealmark, stderr, stdout};

/// moto knows no digests (`MessageType` is ignored there): it is taught to sign them as AWS does.
const MOTO: &str = r#"
import sys
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives import hashes
import moto.kms.utils as kms
algorithm = lambda name: {"256": hashes.SHA256, "384": hashes.SHA384, "512": hashes.SHA512}[name[-3:]]()
kms.ECDSAPrivateKey.sign = lambda key, message, name: key.private_key.sign(message, ec.ECDSA(Prehashed(algorithm(name))))
kms.RSAPrivateKey.sign = lambda key, message, name: key.private_key.sign(message, padding.PKCS1v15(), Prehashed(algorithm(name)))
from moto.server import main
main(["-H", "127.0.0.1", "-p", sys.argv[1]])
"#;

/// AWS KMS as moto has it, over the whole program.
#[test]
fn moto_signs() {
    let Some(bin) = std::env::var_os("SEALMARK_PEERS").map(|peers| std::path::Path::new(&peers).join("moto/bin"))
    else {
        println!("left out: SEALMARK_PEERS is not set");
        return;
    };
    if !bin.join("moto_server").exists() {
        println!("left out: moto: not here");
        return;
    }
    let desk = Desk::new();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let quiet = std::process::Stdio::null;
    let server = Command::new(bin.join("python")).args(["-c", MOTO, &port]).stdout(quiet()).stderr(quiet()).spawn();
    let server = server.unwrap();
    struct Running(std::process::Child);
    impl Drop for Running {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }
    let _running = Running(server);
    let address = format!("127.0.0.1:{port}");
    let up = (0..300).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(100));
        std::net::TcpStream::connect(&address).is_ok()
    });
    assert!(up, "moto does not listen");
    let credentials = [("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test"), ("AWS_REGION", "us-east-1")];
    let make = "import boto3, sys\nc = boto3.client('kms', endpoint_url='http://' + sys.argv[1], region_name='us-east-1')\nprint(c.create_key(KeyUsage='SIGN_VERIFY', KeySpec=sys.argv[2])['KeyMetadata']['KeyId'])";
    for spec in ["ECC_NIST_P256", "ECC_NIST_P384", "ECC_NIST_P521", "RSA_2048", "RSA_4096"] {
        let made =
            Command::new(bin.join("python")).args(["-c", make, &address, spec]).envs(credentials).output().unwrap();
        assert!(made.status.success(), "{}", stderr(&made));
        let key = format!("awskms://{address}/{}", stdout(&made).trim());
        let run = |args: &[&str]| sealmark(args).current_dir(desk.path(".")).envs(credentials).output().unwrap();
        let public = run(&["key", "public", &key]);
        assert!(public.status.success(), "{spec}: {}", stderr(&public));
        desk.write("kms.pub", &public.stdout);
        let signed = run(&["sign", "blob", "app.txt", "--key", &key, "--stack", stack_dir()]);
        assert!(signed.status.success(), "{spec}: {}", stderr(&signed));
        let verified = desk.run(&["verify", "blob", "app.txt", "--key", "kms.pub", "--stack", stack_dir()]);
        assert!(verified.status.success(), "{spec}: {}", stderr(&verified));
    }
}
