-- Takes tasks for workers: pending ones, and deliveries claimed from lanes in backlog, which become active tasks as asynq 0.26 keeps
-- them (internal/rdb, dequeueCmd). Pending tasks and claimed deliveries share the places by the number of organizations in each.
-- What can be written for all tasks together is written at the end.
--
-- KEYS: pending, paused, active, lease, lanes, shares, later, idle, total, scheduled, retry
-- ARGV: number of tasks, when their lease ends in seconds, prefix of task hashes, number of organizations among the candidates,
--       seconds that an idle dispatcher waits, name of the dispatcher, then for each candidate: lane, position (empty to ignore the
--       cursor), ID, encoded message
-- Returns {{ID, message, lane, since when it has been pending or due in nanoseconds, or empty}, …}; what became of each candidate that was reached: 1 claimed, 0 it has a task, -1 the cursor has
-- passed it, -2 its lane is not in backlog; the number of deliveries that were ever added to lanes; the name of the dispatcher that
-- waited last, or an empty one; and, if there were no more tasks, when the first scheduled or retry task is due in seconds, else 0.

local tasks, fates = {}, {}
local state = redis.call("MGET", KEYS[2], KEYS[8], KEYS[9])
if state[1] then
	return {tasks, fates, 0, "", 0}
end
local wanted, lease, prefix = tonumber(ARGV[1]), ARGV[2], ARGV[3]
local leases, active, cursors, moved = {}, {}, {}, {}
local lowered = {[KEYS[6]] = {}, [KEYS[7]] = {}}

local function add(id, message, lane, since)
	tasks[#tasks + 1] = {id, message, lane, since}
	leases[#leases + 1] = lease
	leases[#leases + 1] = id
end

local function lower(hash, field)
	if field then
		lowered[hash][field] = (lowered[hash][field] or 0) + 1
	end
end

local function pop(limit)
	while #tasks < limit do
		local ids = redis.call("RPOP", KEYS[1], limit - #tasks)
		if not ids or #ids == 0 then
			redis.call("DEL", KEYS[6]) -- nothing is pending: counts that drifted begin anew
			lowered[KEYS[6]] = {}
			return
		end
		for _, id in ipairs(ids) do
			local key = prefix .. id
			local found = redis.call("HMGET", key, "msg", "lane", "share", "later", "pending_since")
			redis.call("HSET", key, "state", "active")
			redis.call("HDEL", key, "pending_since", "share", "later")
			lower(KEYS[6], found[3])
			lower(KEYS[7], found[4])
			active[#active + 1] = id
			if found[1] then
				add(id, found[1], found[2] or "", found[5] or "")
			else
				redis.call("ZADD", KEYS[4], lease, id)
			end
		end
	end
end

local function claim(lane, position, id, message)
	local cursor = cursors[lane]
	if cursor == nil then
		cursor = redis.call("HGET", KEYS[5], lane)
		cursors[lane] = cursor
	end
	if not cursor then
		return -2
	end
	if position ~= "" then
		if position <= cursor then
			return -1
		end
		cursors[lane], moved[lane] = position, position
	end
	local key = prefix .. id
	if redis.call("EXISTS", key) == 1 then
		return 0
	end
	redis.call("HSET", key, "msg", message, "lane", lane, "state", "active")
	active[#active + 1] = id
	add(id, message, lane, position ~= "" and string.sub(position, 1, 16) .. "000" or "")
	return 1
end

local function flush()
	for hash, fields in pairs(lowered) do
		for field, count in pairs(fields) do
			if redis.call("HINCRBY", hash, field, -count) <= 0 then
				redis.call("HDEL", hash, field)
			end
		end
	end
	for lane, position in pairs(moved) do
		redis.call("HSET", KEYS[5], lane, position)
	end
	if #active > 0 then
		redis.call("LPUSH", KEYS[3], unpack(active))
	end
	if #leases > 0 then
		redis.call("ZADD", KEYS[4], unpack(leases))
	end
	if #tasks < wanted then
		redis.call("SET", KEYS[8], ARGV[6], "EX", ARGV[5])
	end
end

-- due returns when the first task of a sorted set is due, at the earliest one second after the epoch, or 2^53 without one.
local function due(set)
	local first = redis.call("ZRANGE", set, 0, 0, "WITHSCORES")
	return math.max(1, math.floor(tonumber(first[2] or 9007199254740992)))
end

local candidates = (#ARGV - 6) / 4
local pops = wanted
if candidates > 0 then
	local shares, backlogs = redis.call("HLEN", KEYS[6]), tonumber(ARGV[4])
	pops = math.ceil(wanted * math.max(shares, 1) / (math.max(shares, 1) + backlogs))
end
pop(pops)
for i = 1, candidates do
	if #tasks >= wanted then
		break
	end
	local at = 6 + (i - 1) * 4
	fates[i] = claim(ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4])
end
if #tasks < wanted and pops < wanted then
	pop(wanted)
end
flush()
local later = 0
if #tasks < wanted then
	later = math.min(due(KEYS[10]), due(KEYS[11]))
end
return {tasks, fates, tonumber(state[3] or "0"), state[2] or "", later}
