-- Enqueues deliveries that are due: as pending tasks, as asynq 0.26 does it (internal/rdb, enqueueCmd), or in their lanes. What can be
-- read once or written for all deliveries together is.
--
-- KEYS: lanes, pending, added, shares, idle, total, archived, completed, then the hash of each task
-- ARGV: channel, then for each delivery: encoded task message, ID, time in nanoseconds, lane, position, share, limit of the share,
--       1 to replace a task that has ended
-- Returns for each delivery: 0 if it has another task, 1 if its task is pending now, 3 if that replaces one that had ended, 2 if it
-- waits in its lane.

local places, pushed, waiting, added = {}, {}, 0, {}
local cursors = {}      -- of lanes; false if a lane is not in backlog
local counts = {}       -- pending tasks of shares, with those that were placed here
local placed = {}       -- those that were placed here
local shares = nil      -- the number of shares

local function cursorOf(lane)
	if cursors[lane] == nil then
		cursors[lane] = redis.call("HGET", KEYS[1], lane)
	end
	return cursors[lane]
end

-- read reads the count of a share. A share without one is counted as soon as it is read.
local function read(share)
	local count = redis.call("HGET", KEYS[4], share)
	if not count then
		shares = shares + 1
	end
	counts[share] = tonumber(count or "0")
end

-- admit counts a further pending task of a share, and reports whether the share has room for it. The more shares there are, the smaller
-- they get: together they stay at some two limits.
local function admit(share, limit)
	shares = shares or redis.call("HLEN", KEYS[4])
	if not counts[share] then
		read(share)
	end
	local allowed = math.min(limit, math.max(5, math.floor(2 * limit / shares)))
	if counts[share] >= allowed and #pushed == 0 and redis.call("LLEN", KEYS[2]) == 0 then
		redis.call("DEL", KEYS[4]) -- the count had drifted
		shares, counts = 0, {}
		read(share)
	end
	if counts[share] >= allowed then
		return false
	end
	counts[share] = counts[share] + 1
	placed[share] = (placed[share] or 0) + 1
	return true
end

local function place(key, message, id, now, lane, position, share, limit, again)
	local pending = 1
	if redis.call("HLEN", key) > 0 then
		local ended = again == "1" and ({archived = KEYS[7], completed = KEYS[8]})[redis.call("HGET", key, "state") or ""]
		if not ended or redis.call("ZREM", ended, id) == 0 then
			return 0
		end
		redis.call("DEL", key)
		pending = 3
	end
	local cursor = cursorOf(lane)
	-- A delivery that the cursor has passed was committed late: the lane's readers do not come to it again.
	if (not cursor or position <= cursor) and admit(share, tonumber(limit)) then
		redis.call("HSET", key, "msg", message, "state", "pending", "pending_since", now, "lane", lane, "share", share)
		pushed[#pushed + 1] = id
		return pending
	end
	if not cursor then
		redis.call("HSET", KEYS[1], lane, "0")
		cursors[lane] = "0"
	end
	added[lane] = true
	waiting = waiting + 1
	return 2
end

for i = 9, #KEYS do
	places[i - 8] = place(KEYS[i], unpack(ARGV, (i - 9) * 8 + 2, (i - 9) * 8 + 9))
end
for share, count in pairs(placed) do
	redis.call("HINCRBY", KEYS[4], share, count)
end
if #pushed > 0 then
	redis.call("LPUSH", KEYS[2], unpack(pushed))
end
if waiting > 0 then
	local total = redis.call("INCRBY", KEYS[6], waiting)
	for lane in pairs(added) do
		redis.call("HSET", KEYS[3], lane, total)
	end
end
if (waiting > 0 or #pushed > 0) and redis.call("DEL", KEYS[5]) == 1 then
	redis.call("PUBLISH", ARGV[1], "1")
end
return places
