//! The image without Docker: the files of its last stage in a directory, and its program with that as its root.

use super::{binary, elf, read};
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

/// The instructions of the image's last stage.
pub fn last_stage() -> Vec<(String, String)> {
    let text = read("packaging/Dockerfile").replace("\\\n", "");
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    let instructions: Vec<_> =
        lines.map(|line| line.split_once(' ').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap()).collect();
    let from = instructions.iter().rposition(|(name, _)| name == "FROM").unwrap();
    instructions[from..].to_vec()
}

/// What it says at the first instruction of this name.
pub fn instruction(name: &str) -> String {
    let stage = last_stage();
    stage.iter().find(|(found, _)| found == name).unwrap_or_else(|| panic!("no {name}")).1.clone()
}

/// Where systems have the command that gives a program another root directory.
const CHROOT: [&str; 2] = ["/usr/sbin/chroot", "/usr/bin/chroot"];

/// Everything that a process in the image sees. A container has `/proc` and `/dev` beside it; this one does without.
pub struct Image {
    root: TempDir,
    chroot: &'static str,
}

/// The user that the image's program runs as.
const USER: u32 = 65532;

impl Image {
    /// The files of the last stage, or why there is no running them here.
    pub fn assemble() -> Result<Image, String> {
        if !rustix::process::geteuid().is_root() {
            return Err("another root directory needs root".to_owned());
        }
        if !elf::is_static(&binary()) {
            return Err("COLONIES_PACKAGED_BINARY names no static binary".to_owned());
        }
        let chroot = CHROOT.into_iter().find(|path| Path::new(path).exists()).ok_or("chroot is not here")?;
        let root = TempDir::with_prefix("image-").unwrap();
        fs::set_permissions(root.path(), PermissionsExt::from_mode(0o755)).unwrap();
        for (_, copied) in last_stage().iter().filter(|(name, _)| name == "COPY") {
            let words: Vec<_> = copied.split_whitespace().filter(|word| !word.starts_with("--")).collect();
            let [from, to] = words[..] else { panic!("{copied}") };
            let to = root.path().join(to.trim_start_matches('/'));
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            match from {
                "/image/colonies" => drop(fs::copy(binary(), &to).unwrap()),
                "/image/data" => fs::create_dir(&to).unwrap(),
                other => drop(fs::copy(other, &to).map_err(|error| format!("{other}: {error}"))?),
            }
            if copied.contains(&format!("--chown={USER}:{USER}")) {
                chown(&to, Some(USER), Some(USER)).unwrap();
                fs::set_permissions(&to, PermissionsExt::from_mode(0o700)).unwrap();
            }
        }
        // What every container is given.
        fs::create_dir_all(root.path().join("etc")).unwrap();
        fs::write(root.path().join("etc/hosts"), "127.0.0.1 localhost\n").unwrap();
        Ok(Image { root, chroot })
    }

    /// Its entry point with its environment, without arguments yet.
    pub fn program(&self) -> Command {
        assert_eq!(instruction("ENTRYPOINT"), "[\"/colonies\"]");
        let mut command = Command::new(self.chroot);
        command.env_clear().arg(format!("--userspec={}", instruction("USER"))).arg(self.root.path());
        for (_, pair) in last_stage().iter().filter(|(name, _)| name == "ENV") {
            let (name, value) = pair.split_once('=').unwrap();
            command.env(name, value);
        }
        command.arg("/colonies");
        command
    }
}

/// Names come from `/etc/hosts`, which containers are given, without any library of the system beside the program.
#[test]
fn names_are_looked_up_in_the_image() {
    let image = match Image::assemble() {
        Ok(image) => image,
        Err(why) => return eprintln!("left out: {why}"),
    };
    let server = crate::support::Server::start();
    let port = server.address().port().to_string();
    let status = |host: &str| {
        let mut command = image.program();
        command.args(["server", "status", "--insecure", "--host", host, "--port", &port]);
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    fs::write(image.root.path().join("etc/hosts"), "127.0.0.1 localhost broker.example\n").unwrap();
    assert_eq!(status("127.0.0.1").0, Some(0));
    assert_eq!(status("broker.example").0, Some(0), "{:?}", status("broker.example"));
    // A name server that nobody is.
    fs::write(image.root.path().join("etc/resolv.conf"), "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
        .unwrap();
    let (code, said) = status("nobody.example");
    assert_eq!(code, Some(1));
    assert!(said.contains("cannot reach the server at http://nobody.example") && said.lines().count() == 1, "{said}");
}
