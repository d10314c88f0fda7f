//! The forms of commands on collections, family by family, and the words that stand in them.
//!
//! Owns: these forms, the keys that each family mostly uses, the pools of elements, scores and positions.
//! Uses: nothing.   Never: strings and keys as such (`forms`).
//!
//! Each family has three keys of its own, so that commands meet values of their type; one in ten takes any other key.
//! Commands that wait do so for a moment only: `blink`, or `moment` in milliseconds.

/// The forms, as in `forms::FORMS`.
pub const FAMILIES: &[&str] =
    &[SETS, LISTS, HASHES, SORTED_SETS, GEO, BITS, LOG_LOGS, STREAMS, SORTING];

/// The kinds of keys: the kind, and its keys.
pub const KEYS_OF: &[(&str, [&[u8]; 3])] = &[
    ("skey", [b"s1", b"s2", b"s3"]),
    ("lkey", [b"l1", b"l2", b"l3"]),
    ("hkey", [b"h1", b"h2", b"h3"]),
    ("zkey", [b"z1", b"z2", b"z3"]),
    ("gkey", [b"g1", b"g2", b"g3"]),
    ("bkey", [b"b1", b"b2", b"b3"]),
    ("pkey", [b"p1", b"p2", b"p3"]),
    ("xkey", [b"x1", b"x2", b"x3"]),
];

/// Kinds of words, and what they are.
pub const POOLS: &[(&str, &[&[u8]])] = &[
    (
        "member",
        &[
            b"a",
            b"b",
            b"c",
            b"d",
            b"1",
            b"2",
            b"3",
            b"-5",
            b"70000",
            b"5000000000",
            b"-9223372036854775808",
            b"007",
            b"1.5",
            b"",
            b"ab",
            b"a\r\nb",
            b"\x00\xff",
            b"a text of more than sixty-four bytes, which no listpack may hold by default",
        ],
    ),
    (
        "field",
        &[
            b"f1",
            b"f2",
            b"f3",
            b"f4",
            b"1",
            b"2",
            b"",
            b"name",
            b"a field of more than sixty-four bytes, which no listpack may hold by default",
        ],
    ),
    (
        "index",
        &[b"0", b"0", b"1", b"1", b"2", b"3", b"5", b"-1", b"-1", b"-2", b"-3", b"-100", b"100"],
    ),
    ("few", &[b"1", b"1", b"2", b"2", b"3", b"10", b"100", b"0", b"-1"]),
    ("many", &[b"1000"]),
    (
        "score",
        &[
            b"0",
            b"1",
            b"1",
            b"2",
            b"2",
            b"3",
            b"-1",
            b"1.5",
            b"-2.25",
            b"1e21",
            b"1e-7",
            b"3.0",
            b"-0",
            b"inf",
            b"-inf",
            b"100000000000000000",
            b"0.1",
            b"+5",
            b"nan",
            b"x",
        ],
    ),
    (
        "scoreend",
        &[
            b"-inf", b"+inf", b"inf", b"0", b"1", b"(1", b"2", b"(2", b"3", b"-1", b"(-inf",
            b"1.5", b"x", b"(x", b"",
        ],
    ),
    ("lexend", &[b"-", b"+", b"[a", b"(a", b"[b", b"(c", b"[", b"(", b"[1", b"a", b"[zz"]),
    ("weight", &[b"1", b"2", b"0.5", b"-1", b"0", b"inf", b"x"]),
    ("blink", &[b"0.001", b"0.01", b"0.002", b"-1", b"x"]),
    ("moment", &[b"1", b"5", b"10"]),
    ("bit", &[b"0", b"1", b"1", b"2"]),
    ("bitat", &[b"0", b"1", b"7", b"8", b"9", b"15", b"100", b"1000", b"-1", b"4294967296", b"x"]),
    ("bitend", &[b"0", b"1", b"2", b"3", b"8", b"-1", b"-2", b"-9", b"100", b"x"]),
    ("bittype", &[b"u8", b"i8", b"u1", b"i5", b"u63", b"i64", b"u64", b"i16", b"x"]),
    ("bitplace", &[b"0", b"1", b"#0", b"#1", b"#2", b"7", b"100", b"-1", b"x"]),
    (
        "bitvalue",
        &[
            b"0",
            b"1",
            b"-1",
            b"100",
            b"127",
            b"128",
            b"255",
            b"256",
            b"-128",
            b"9223372036854775807",
            b"-9223372036854775808",
        ],
    ),
    (
        "longitude",
        &[
            b"13.361389",
            b"15.087269",
            b"12.758489",
            b"-122.42",
            b"0",
            b"180",
            b"-180",
            b"181",
            b"x",
        ],
    ),
    (
        "latitude",
        &[b"38.115556", b"37.502669", b"38.788135", b"37.77", b"0", b"85", b"-85", b"86", b"x"],
    ),
    ("place", &[b"Palermo", b"Catania", b"edge", b"a", b"b"]),
    ("distance", &[b"200", b"100", b"500", b"1", b"0", b"-1", b"20000", b"x"]),
    ("unit", &[b"m", b"km", b"mi", b"ft", b"x"]),
    (
        "id",
        &[
            b"1-1",
            b"1-2",
            b"2-1",
            b"2-5",
            b"3-0",
            b"5-*",
            b"5",
            b"6-1",
            b"7-7",
            b"0-0",
            b"0-1",
            b"18446744073709551615-1",
            b"x",
            b"1-x",
        ],
    ),
    (
        "newid",
        &[
            b"1-1", b"1-2", b"2-1", b"2-5", b"3-*", b"4-*", b"5-1", b"6-*", b"7-*", b"8-1", b"9-*",
            b"10-*", b"0-0",
        ],
    ),
    ("idend", &[b"-", b"+", b"0", b"1", b"2", b"1-1", b"(1-1", b"2-5", b"(2", b"9", b"x"]),
    ("lastid", &[b"0", b"0-0", b"$", b"1-1", b"2", b"5-0", b"x"]),
    ("groupid", &[b">", b">", b">", b"0", b"1-1"]),
    ("group", &[b"g", b"g", b"g", b"h", b"nogroup"]),
    ("consumer", &[b"alice", b"bob", b"carol"]),
];

const SETS: &str = "
9 SADD skey member...
3 SREM skey member...
2 SCARD skey
2 SISMEMBER skey member
2 SMISMEMBER skey member...
3 SMEMBERS skey
3 SMOVE skey skey member
2 SPOP skey many
1 SRANDMEMBER skey [index]
2 SINTER skey...
2 SUNION skey...
2 SDIFF skey...
2 SINTERSTORE skey skey...
2 SUNIONSTORE skey skey...
2 SDIFFSTORE skey skey...
2 SINTERCARD #skey... [LIMIT few]
1 SUNIONCARD #skey... [LIMIT few]
1 SDIFFCARD #skey... [LIMIT few]
2 SSCAN skey cursor [MATCH pattern] [COUNT count]
";

const LISTS: &str = "
6 RPUSH lkey member...
6 LPUSH lkey member...
2 RPUSHX lkey member...
2 LPUSHX lkey member...
3 LPOP lkey [few]
3 RPOP lkey [few]
2 LLEN lkey
4 LRANGE lkey index index
2 LINDEX lkey index
3 LSET lkey index member
3 LINSERT lkey (BEFORE|AFTER) member member
3 LREM lkey index member
2 LTRIM lkey index index
4 LPOS lkey member [RANK index] [COUNT few] [MAXLEN few]
3 LMOVE lkey lkey (LEFT|RIGHT) (LEFT|RIGHT)
2 RPOPLPUSH lkey lkey
2 LMOVEM lkey lkey (LEFT|RIGHT) (LEFT|RIGHT) [(COUNT|EXACTLY) few (OBO|BULK)]
2 RPUSH lkey value value value value value value value value
3 LMPOP #lkey... (LEFT|RIGHT) [COUNT few]
1 BLPOP lkey... blink
1 BRPOP lkey... blink
1 BLMOVE lkey lkey (LEFT|RIGHT) (LEFT|RIGHT) blink
1 BRPOPLPUSH lkey lkey blink
1 BLMPOP blink #lkey... (LEFT|RIGHT) [COUNT few]
";

const HASHES: &str = "
9 HSET hkey (field value)...
2 HMSET hkey (field value)...
2 HSETNX hkey field value
3 HGET hkey field
3 HMGET hkey field...
3 HGETALL hkey
2 HKEYS hkey
2 HVALS hkey
2 HLEN hkey
2 HSTRLEN hkey field
2 HEXISTS hkey field
3 HDEL hkey field...
3 HINCRBY hkey field int
3 HINCRBYFLOAT hkey field float
1 HRANDFIELD hkey [index [WITHVALUES]]
2 HSCAN hkey cursor [MATCH pattern] [COUNT count] [@7.4 NOVALUES]
3 HEXPIRE hkey ttl [NX|XX|GT|LT] FIELDS #field...
3 HPEXPIRE hkey pttl [NX|XX|GT|LT] FIELDS #field...
2 HEXPIREAT hkey at [NX|XX|GT|LT] FIELDS #field...
2 HPEXPIREAT hkey pat [NX|XX|GT|LT] FIELDS #field...
2 HTTL hkey FIELDS #field...
2 HPTTL hkey FIELDS #field...
2 HEXPIRETIME hkey FIELDS #field...
2 HPEXPIRETIME hkey FIELDS #field...
3 HPERSIST hkey FIELDS #field...
2 HGETDEL hkey FIELDS #field...
3 HGETEX hkey [EX ttl|PX pttl|EXAT at|PXAT pat|PERSIST] FIELDS #field...
3 HSETEX hkey [FNX|FXX] [EX ttl|PX pttl|EXAT at|PXAT pat|KEEPTTL] FIELDS #(field value)...
";

const SORTED_SETS: &str = "
9 ZADD zkey [NX|XX] [GT|LT] [CH] (score member)...
2 ZADD zkey [NX|XX] [GT|LT] [CH] INCR score member
3 ZINCRBY zkey score member
3 ZREM zkey member...
2 ZCARD zkey
2 ZSCORE zkey member
2 ZMSCORE zkey member...
2 ZRANK zkey member [@7.2 WITHSCORE]
2 ZREVRANK zkey member [@7.2 WITHSCORE]
2 ZCOUNT zkey scoreend scoreend
2 ZLEXCOUNT zkey lexend lexend
3 ZRANGE zkey index index [REV] [WITHSCORES]
3 ZRANGE zkey scoreend scoreend BYSCORE [REV] [WITHSCORES] [LIMIT index index]
3 ZRANGE zkey lexend lexend BYLEX [REV] [LIMIT index index]
2 ZRANGESTORE zkey zkey index index [REV]
2 ZRANGESTORE zkey zkey scoreend scoreend BYSCORE [REV] [LIMIT index index]
1 ZRANGESTORE zkey zkey lexend lexend BYLEX [REV] [LIMIT index index]
2 ZREVRANGE zkey index index [WITHSCORES]
2 ZRANGEBYSCORE zkey scoreend scoreend [WITHSCORES] [LIMIT index index]
2 ZREVRANGEBYSCORE zkey scoreend scoreend [WITHSCORES] [LIMIT index index]
2 ZRANGEBYLEX zkey lexend lexend [LIMIT index index]
2 ZREVRANGEBYLEX zkey lexend lexend [LIMIT index index]
2 ZREMRANGEBYRANK zkey index index
2 ZREMRANGEBYSCORE zkey scoreend scoreend
2 ZREMRANGEBYLEX zkey lexend lexend
3 ZPOPMIN zkey [few]
3 ZPOPMAX zkey [few]
2 ZMPOP #zkey... (MIN|MAX) [COUNT few]
1 BZPOPMIN zkey... blink
1 BZPOPMAX zkey... blink
1 BZMPOP blink #zkey... (MIN|MAX) [COUNT few]
2 ZUNION #zkey... [AGGREGATE (SUM|MIN|MAX)] [WITHSCORES]
2 ZINTER #zkey... [AGGREGATE (SUM|MIN|MAX)] [WITHSCORES]
1 ZUNION 2 zkey skey [WEIGHTS weight weight] [WITHSCORES]
2 ZDIFF #zkey... [WITHSCORES]
2 ZUNIONSTORE zkey 2 zkey zkey [WEIGHTS weight weight] [AGGREGATE (SUM|MIN|MAX)]
2 ZINTERSTORE zkey 2 zkey zkey [WEIGHTS weight weight] [AGGREGATE (SUM|MIN|MAX)]
2 ZDIFFSTORE zkey #zkey...
2 ZINTERCARD #zkey... [LIMIT few]
1 ZRANDMEMBER zkey [index [WITHSCORES]]
2 ZSCAN zkey cursor [MATCH pattern] [COUNT count]
";

const GEO: &str = "
6 GEOADD gkey [NX|XX] [CH] (longitude latitude place)...
2 GEODIST gkey place place [unit]
2 GEOHASH gkey place...
2 GEOPOS gkey place...
3 GEOSEARCH gkey (FROMMEMBER place|FROMLONLAT longitude latitude) (BYRADIUS distance unit|BYBOX distance distance unit) [ASC|DESC] [COUNT few] [WITHCOORD] [WITHDIST] [WITHHASH]
2 GEOSEARCHSTORE gkey gkey (FROMMEMBER place|FROMLONLAT longitude latitude) (BYRADIUS distance unit|BYBOX distance distance unit) [ASC|DESC] [COUNT few] [STOREDIST]
1 GEORADIUS gkey longitude latitude distance unit [ASC|DESC] [COUNT few] [WITHCOORD] [WITHDIST] [STORE gkey]
1 GEORADIUSBYMEMBER gkey place distance unit [ASC|DESC] [COUNT few] [WITHDIST] [STOREDIST gkey]
1 GEORADIUS_RO gkey longitude latitude distance unit [ASC|DESC] [WITHHASH]
1 GEORADIUSBYMEMBER_RO gkey place distance unit [ASC|DESC]
";

const BITS: &str = "
6 SETBIT bkey bitat bit
2 GETBIT bkey bitat
3 BITCOUNT bkey [bitend bitend [BYTE|BIT]]
3 BITPOS bkey bit [bitend [bitend [BYTE|BIT]]]
3 BITOP (AND|OR|XOR|@8.2 DIFF|@8.2 DIFF1|@8.2 ANDOR|@8.2 ONE) bkey bkey...
1 BITOP NOT bkey bkey
4 BITFIELD bkey (GET bittype bitplace|SET bittype bitplace bitvalue|INCRBY bittype bitplace bitvalue|OVERFLOW (WRAP|SAT|FAIL))...
1 BITFIELD_RO bkey (GET bittype bitplace)...
2 SET bkey value
2 SETRANGE bkey offset value
";

const LOG_LOGS: &str = "
6 PFADD pkey member...
3 PFADD pkey int...
3 PFCOUNT pkey...
2 PFMERGE pkey pkey...
1 PFDEBUG (ENCODING|TODENSE|DECODE|GETREG) pkey
2 GET pkey
1 SET pkey value
";

const STREAMS: &str = "
9 XADD xkey [NOMKSTREAM] [MAXLEN few|MAXLEN = few|MINID id] newid (field value)...
2 XLEN xkey
3 XRANGE xkey idend idend [COUNT few]
3 XREVRANGE xkey idend idend [COUNT few]
3 XDEL xkey id...
2 XTRIM xkey (MAXLEN|MINID) few
2 XSETID xkey id
3 XREAD [COUNT few] STREAMS xkey lastid
1 XREAD BLOCK moment STREAMS xkey lastid
4 XGROUP CREATE xkey group lastid [MKSTREAM] [@7.0 ENTRIESREAD few]
2 XGROUP SETID xkey group lastid
1 XGROUP DESTROY xkey group
1 XGROUP CREATECONSUMER xkey group consumer
1 XGROUP DELCONSUMER xkey group consumer
5 XREADGROUP GROUP group consumer [COUNT few] [NOACK] STREAMS xkey groupid
1 XREADGROUP GROUP group consumer BLOCK moment STREAMS xkey groupid
3 XACK xkey group id...
2 XCLAIM xkey group consumer 0 id... [JUSTID] [FORCE]
2 XAUTOCLAIM xkey group consumer 0 idend [COUNT few] [JUSTID]
2 XPENDING xkey group [idend idend few [consumer]]
1 XINFO STREAM xkey
1 XINFO GROUPS xkey
1 XINFO CONSUMERS xkey group
1 XACKDEL xkey group [KEEPREF|DELREF|ACKED] IDS #id...
1 XDELEX xkey [KEEPREF|DELREF|ACKED] IDS #id...
";

const SORTING: &str = "
2 SORT lkey [ALPHA] [ASC|DESC] [LIMIT index index] [STORE lkey]
2 SORT skey [ALPHA] [DESC] [LIMIT index index]
2 SORT zkey [ALPHA] [DESC] [BY nosort] [LIMIT index index]
1 SORT lkey BY key:* [GET #] [GET key:*] [STORE lkey]
1 SORT_RO lkey [ALPHA] [DESC]
";
