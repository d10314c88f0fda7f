//! The forms of the list family; see `forms`.
//!
//! Owns: its table.   Uses: nothing.   Never: which of them a server knows.

/// Every form.
pub const LISTS: &str = "
9 RPUSH key value...
9 LPUSH key value...
3 RPUSH key value value value value value value value value value value value value
4 LPUSHX key value...
4 RPUSHX key value...
5 LPOP key [count|small]
5 RPOP key [count|small]
3 LLEN key
4 LRANGE key (zero|int|offset) int
4 LINDEX key (int|offset)
6 LSET key (int|offset|zero) value
6 LINSERT key (BEFORE|AFTER) value value
6 LREM key (int|zero) value
4 LTRIM key (int|zero) (int|offset)
5 LPOS key value [RANK int] [COUNT (int|zero)] [MAXLEN (int|zero)]
6 LMOVE key key (LEFT|RIGHT) (LEFT|RIGHT)
4 RPOPLPUSH key key
5 LMPOP #key... (LEFT|RIGHT) [COUNT (int|short)]
4 LMOVEM key key (LEFT|RIGHT) (LEFT|RIGHT) [(COUNT|EXACTLY) (int|short) (OBO|BULK)]
";
