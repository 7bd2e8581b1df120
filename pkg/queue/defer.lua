-- Decides whether a delivery that is due later waits as a task or in its lane.
--
-- KEYS: lanes, added, later, the task's hash, retry, scheduled, idle, total
-- ARGV: lane, organization, limit of scheduled and retry tasks of an organization, channel
-- Returns 1 if it waits as a task, 0 if it waits in its lane.

local inBacklog = redis.call("HEXISTS", KEYS[1], ARGV[1]) == 1
if not inBacklog then
	local count = tonumber(redis.call("HGET", KEYS[3], ARGV[2]) or "0")
	if count >= tonumber(ARGV[3]) and redis.call("ZCARD", KEYS[5]) + redis.call("ZCARD", KEYS[6]) == 0 then
		redis.call("DEL", KEYS[3]) -- the count had drifted
		count = 0
	end
	if count < tonumber(ARGV[3]) then
		if redis.call("HSETNX", KEYS[4], "later", ARGV[2]) == 1 then
			redis.call("HINCRBY", KEYS[3], ARGV[2], 1)
		end
		return 1
	end
	redis.call("HSET", KEYS[1], ARGV[1], "0")
end
redis.call("HSET", KEYS[2], ARGV[1], redis.call("INCR", KEYS[8]))
if redis.call("DEL", KEYS[7]) == 1 then
	redis.call("PUBLISH", ARGV[4], "1")
end
return 0
