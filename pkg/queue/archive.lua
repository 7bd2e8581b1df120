-- Removes the oldest archived tasks.
--
-- KEYS: archived
-- ARGV: the Unix time before which entries are old, the maximum to remove, the prefix of the tasks' hashes (same slot as KEYS)
-- Returns the number of entries removed.

local old = redis.call("ZRANGE", KEYS[1], "-inf", "(" .. ARGV[1], "BYSCORE", "LIMIT", 0, ARGV[2])
for _, id in ipairs(old) do
	redis.call("DEL", ARGV[3] .. id)
	redis.call("ZREM", KEYS[1], id)
end
return #old
