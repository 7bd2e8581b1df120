-- Takes tasks for workers: pending ones, and deliveries claimed from lanes in backlog, which become active tasks as asynq 0.26 keeps
-- them (internal/rdb, dequeueCmd). Pending tasks and claimed deliveries share the places by the number of organizations in each.
--
-- KEYS: pending, paused, active, lease, lanes, shares, later, idle, total
-- ARGV: number of tasks, when their lease ends in seconds, prefix of task hashes, number of organizations among the candidates,
--       seconds that an idle dispatcher waits, then for each candidate: lane, position (empty to ignore the cursor), ID, encoded message
-- Returns {{ID, message, lane}, …}; what became of each candidate that was reached: 1 claimed, 0 it has a task, -1 the cursor has
-- passed it, -2 its lane is not in backlog; and the number of deliveries that were ever added to lanes.

local tasks, fates = {}, {}
if redis.call("EXISTS", KEYS[2]) == 1 then
	return {tasks, fates, 0}
end
local wanted, lease, prefix = tonumber(ARGV[1]), ARGV[2], ARGV[3]

local function activate(id, key)
	redis.call("HSET", key, "state", "active")
	redis.call("ZADD", KEYS[4], lease, id)
end

local function lower(hash, field)
	if redis.call("HINCRBY", hash, field, -1) <= 0 then
		redis.call("HDEL", hash, field)
	end
end

local function pop(limit)
	while #tasks < limit do
		local id = redis.call("RPOPLPUSH", KEYS[1], KEYS[3])
		if not id then
			redis.call("DEL", KEYS[6]) -- nothing is pending: counts that drifted begin anew
			return
		end
		local key = prefix .. id
		local found = redis.call("HMGET", key, "msg", "lane", "share", "later")
		activate(id, key)
		redis.call("HDEL", key, "pending_since", "share", "later")
		if found[3] then
			lower(KEYS[6], found[3])
		end
		if found[4] then
			lower(KEYS[7], found[4])
		end
		if found[1] then
			tasks[#tasks + 1] = {id, found[1], found[2] or ""}
		end
	end
end

local function claim(lane, position, id, message)
	local cursor = redis.call("HGET", KEYS[5], lane)
	if not cursor then
		return -2
	end
	if position ~= "" then
		if position <= cursor then
			return -1
		end
		redis.call("HSET", KEYS[5], lane, position)
	end
	local key = prefix .. id
	if redis.call("EXISTS", key) == 1 then
		return 0
	end
	redis.call("HSET", key, "msg", message, "lane", lane)
	redis.call("LPUSH", KEYS[3], id)
	activate(id, key)
	tasks[#tasks + 1] = {id, message, lane}
	return 1
end

local candidates = (#ARGV - 5) / 4
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
	local at = 5 + (i - 1) * 4
	fates[i] = claim(ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4])
end
if #tasks < wanted and pops < wanted then
	pop(wanted)
end
if #tasks == 0 then
	redis.call("SET", KEYS[8], "1", "EX", ARGV[5])
end
return {tasks, fates, tonumber(redis.call("GET", KEYS[9]) or "0")}
