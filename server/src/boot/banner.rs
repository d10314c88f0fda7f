//! The picture at the start, for people.
//!
//! Owns: the picture.   Uses: config.   Never: prints it.

use super::VERSION;
use crate::config::Config;
use crate::resp::REDIS_VERSION;

/// Whether somebody looks on: messages go to a terminal, or the picture is wanted always.
pub fn is_wanted(config: &Config, terminal: bool) -> bool {
    config.show_logo || (config.log_file.is_none() && !config.syslog && terminal)
}

/// A lodestone, and what one wants to know of a server that has just been started.
pub fn banner(config: &Config) -> String {
    let port = match (&config.unix_socket, config.port) {
        (Some(path), 0) => format!("Socket: {path}"),
        (None | Some(_), port) => format!("Port: {port}"),
    };
    let pid = std::process::id();
    format!(
        "
     .--------.
   .'  .----.  '.       Lodestore {VERSION}
   |  /      \\  |       speaks as Redis {REDIS_VERSION}
   |  |      |  |       Running in standalone mode
   |  |      |  |       {port}
   |==|      |==|       PID: {pid}
   |__|      |__|

"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_terminal_gets_the_picture() {
        let mut config = Config::default();
        assert!(is_wanted(&config, true) && !is_wanted(&config, false));
        assert!(banner(&config).contains("Port: 6379\n"));
        config.log_file = Some("x.log".into());
        assert!(!is_wanted(&config, true));
        config.show_logo = true;
        assert!(is_wanted(&config, false));
        (config.port, config.unix_socket) = (0, Some("/run/s".into()));
        assert!(banner(&config).contains("Socket: /run/s\n"));
    }
}
