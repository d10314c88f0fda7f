//! The title of the process, as lists of processes show it.
//!
//! Owns: what the words of `proc-title-template` stand for.   Uses: config.   Never: sets it.

use crate::config::Config;

/// The title by the template of the settings. `name` is what the program was started as.
pub fn title(config: &Config, name: &str, config_file: &str) -> String {
    let mut title = String::new();
    let mut rest = config.title_template.as_str();
    while let Some((before, behind)) = rest.split_once('{') {
        title.push_str(before);
        // The setting has been checked: every brace has its other one.
        let (word, after) = behind.split_once('}').unwrap_or((behind, ""));
        title.push_str(&meaning(word, config, name, config_file));
        rest = after;
    }
    title.push_str(rest);
    title.trim_end().to_owned()
}

fn meaning(word: &str, config: &Config, name: &str, config_file: &str) -> String {
    let socket = config.unix_socket.clone().unwrap_or_default();
    match word {
        "title" => name.to_owned(),
        "listen-addr" if config.port == 0 => socket,
        "listen-addr" => {
            let host = config.bind.0.first().map_or("*", |address| address.host.as_str());
            format!("{host}:{}", config.port)
        }
        "port" => config.port.to_string(),
        "tls-port" => "0".to_owned(),
        "unixsocket" => socket,
        "config-file" => config_file.to_owned(),
        // `server-mode`: neither a sentinel nor a member of a cluster.
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::row;

    #[test]
    fn a_title_says_where_the_server_listens() {
        let mut config = Config::default();
        assert_eq!(title(&config, "redis-server", ""), "redis-server 127.0.0.1:6379");
        config.port = 0;
        config.unix_socket = Some("/run/s".into());
        config.title_template = "{title}|{listen-addr}|{port}|{unixsocket}|{config-file}|x".into();
        assert_eq!(title(&config, "lodestore", "/c"), "lodestore|/run/s|0|/run/s|/c|x");
        let template = row(b"proc-title-template").unwrap();
        for wrong in ["{foo}", "{title", "a { b"] {
            assert!((template.set)(&mut config, &[wrong], false).is_err(), "{wrong}");
        }
    }
}
