-- Ends tasks as asynq 0.26 does with one (internal/rdb, doneCmd).
--
-- KEYS: active, lease, number of tasks of the day, number of all tasks, then the hash of each task
-- ARGV: when the number of the day expires, the largest number of all tasks, then the ID of each task
-- Returns for each task 1, or 0 if it is not active.

local leases = redis.call("ZMSCORE", KEYS[2], unpack(ARGV, 3))
local ended, answers, over = 0, {}, {}
for i = 3, #ARGV do
	local id = ARGV[i]
	local active = redis.call("LREM", KEYS[1], 0, id) > 0 and leases[i - 2]
	if active then
		over[#over + 1] = id
	end
	answers[i - 2] = active and redis.call("DEL", KEYS[i + 2]) > 0 and 1 or 0
	ended = ended + answers[i - 2]
end
if #over > 0 then
	redis.call("ZREM", KEYS[2], unpack(over))
end
if ended == 0 then
	return answers
end
if redis.call("INCRBY", KEYS[3], ended) == ended then
	redis.call("EXPIREAT", KEYS[3], ARGV[1])
end
if tonumber(redis.call("GET", KEYS[4]) or "0") + ended >= tonumber(ARGV[2]) then
	redis.call("SET", KEYS[4], ended)
else
	redis.call("INCRBY", KEYS[4], ended)
end
return answers
