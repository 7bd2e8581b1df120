-- Makes a task pending that has ended, or sleeps.
--
-- KEYS: the task's hash, pending
-- ARGV: its ID, prefix of the sets that it can be in (in the slot of the keys), the time in nanoseconds
-- Returns 1, or 0 if there is none that has ended or sleeps.

local state = redis.call("HGET", KEYS[1], "state")
if state ~= "archived" and state ~= "completed" and state ~= "scheduled" and state ~= "retry" then
	return 0
end
if redis.call("ZREM", ARGV[2] .. state, ARGV[1]) == 0 then
	return 0 -- part of the task was lost
end
redis.call("LPUSH", KEYS[2], ARGV[1])
redis.call("HSET", KEYS[1], "state", "pending", "pending_since", ARGV[3])
return 1
