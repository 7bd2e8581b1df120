-- Moves sleeping tasks to where workers take the next one from, in their order.
--
-- KEYS: pending, scheduled, retry, then the hash of each task
-- ARGV: the time in nanoseconds, then the ID of each task
-- Returns for each: 0 there is none that sleeps, 1 it is pending, 2 a worker has it.

local sets = {scheduled = KEYS[2], retry = KEYS[3]}
local answers = {}
for i = #ARGV, 2, -1 do -- the last one first: workers take from this end
	local id, hash = ARGV[i], KEYS[i + 2]
	local state = redis.call("HGET", hash, "state")
	local answer = 0
	if state == "pending" then
		answer = 1
	elseif state == "active" then
		answer = 2
	elseif sets[state] and redis.call("ZREM", sets[state], id) == 1 then
		redis.call("RPUSH", KEYS[1], id)
		redis.call("HSET", hash, "state", "pending", "pending_since", ARGV[1])
		answer = 1
	end
	answers[i - 1] = answer
end
return answers
