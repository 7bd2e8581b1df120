-- Makes tasks pending. Workers dequeue from the right end of the pending list.
--
-- KEYS: pending, scheduled, retry, archived, completed, then the hash of each task
-- ARGV: the time in nanoseconds, RPUSH (to run next) or LPUSH (to run last), the states to move from, then the ID of each task.
--       The states are separated by commas, with one in front and behind.
-- Returns for each task: "moved", or else its state, or "missing".

local sets = {scheduled = KEYS[2], retry = KEYS[3], archived = KEYS[4], completed = KEYS[5]}
local now, push, movable = ARGV[1], ARGV[2], ARGV[3]

local function move(id, hash)
	local state = redis.call("HGET", hash, "state")
	if not state then
		return "missing"
	end
	if not string.find(movable, "," .. state .. ",", 1, true) then
		return state
	end
	if state == "pending" then
		if redis.call("LREM", KEYS[1], 1, id) == 1 then -- from the left end, where tasks are enqueued
			redis.call(push, KEYS[1], id)
			return "moved"
		end
		return "missing"
	end
	if redis.call("ZREM", sets[state], id) == 0 then
		return "missing" -- the sorted set has lost the task
	end
	redis.call(push, KEYS[1], id)
	redis.call("HSET", hash, "state", "pending", "pending_since", now)
	return "moved"
end

local answers = {}
for i = #ARGV, 4, -1 do -- the last task first: with RPUSH, the first one is then the first to run
	answers[i - 3] = move(ARGV[i], KEYS[i + 2])
end
return answers
