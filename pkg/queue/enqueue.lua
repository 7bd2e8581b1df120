-- Enqueues a delivery that is due: as a pending task, as asynq 0.26 does it (internal/rdb, enqueueCmd), or in its lane.
--
-- KEYS: the task's hash, pending, lanes, added, shares, idle, total, archived, completed
-- ARGV: encoded task message, ID, time in nanoseconds, lane, position, share, limit of the share, channel,
--       1 to replace a task that has ended
-- Returns 0 if the delivery has another task, 1 if its task is pending now, 3 if that replaces one that had ended, 2 if the delivery
-- waits in its lane.

local pending = 1
local state = redis.call("HGET", KEYS[1], "state")
if state then
	local ended = ARGV[9] == "1" and ({archived = KEYS[8], completed = KEYS[9]})[state]
	if not ended or redis.call("ZREM", ended, ARGV[2]) == 0 then
		return 0
	end
	redis.call("DEL", KEYS[1])
	pending = 3
elseif redis.call("EXISTS", KEYS[1]) == 1 then
	return 0 -- part of a task was lost
end
local cursor = redis.call("HGET", KEYS[3], ARGV[4])
local passed = cursor and ARGV[5] <= cursor -- it was committed late: the lane's readers do not come to it again
local place = 2
if not cursor or passed then
	local count = redis.call("HINCRBY", KEYS[5], ARGV[6], 1)
	-- The more shares there are, the smaller they get: together they stay at some two limits.
	local limit = tonumber(ARGV[7])
	local shares = redis.call("HLEN", KEYS[5])
	local allowed = math.min(limit, math.max(5, math.floor(2 * limit / shares)))
	if count > allowed and redis.call("LLEN", KEYS[2]) == 0 then
		redis.call("DEL", KEYS[5]) -- the count had drifted
		count = redis.call("HINCRBY", KEYS[5], ARGV[6], 1)
	end
	if count <= allowed then
		redis.call("HSET", KEYS[1], "msg", ARGV[1], "state", "pending", "pending_since", ARGV[3], "lane", ARGV[4], "share", ARGV[6])
		redis.call("LPUSH", KEYS[2], ARGV[2])
		place = pending
	elseif redis.call("HINCRBY", KEYS[5], ARGV[6], -1) <= 0 then
		redis.call("HDEL", KEYS[5], ARGV[6])
	end
end
if place == 2 then
	redis.call("HSETNX", KEYS[3], ARGV[4], "0")
	redis.call("HINCRBY", KEYS[4], ARGV[4], 1)
	redis.call("INCR", KEYS[7])
end
if redis.call("DEL", KEYS[6]) == 1 then
	redis.call("PUBLISH", ARGV[8], "1")
end
return place
