-- Reads what Redis has about one delivery. It changes nothing.
--
-- KEYS: the task's hash, pending, active, scheduled, retry, archived, completed, paused, lanes, names of dispatchers
-- ARGV: the task's ID; the delivery's lane; prefix of summaries; fields of a summary: dispatcher, endpoint, organization, attempt
-- Returns the state of the task, "absent" without one and "damaged" if it is in no list; its time in its sorted set, or 0; 1 if the queue
-- is paused; the cursor of the lane, or an empty one; and the four fields of the summary of each dispatcher, empty ones for fields that
-- it does not have.

local function stateOf()
	local found = redis.call("HMGET", KEYS[1], "state", "msg")
	local state = found[1]
	if redis.call("EXISTS", KEYS[1]) == 0 then
		return "absent", 0
	end
	if not state or not found[2] then
		return "damaged", 0
	end
	if state == "pending" or state == "active" then
		local list = state == "pending" and KEYS[2] or KEYS[3]
		if redis.call("LPOS", list, ARGV[1], "RANK", -1) then
			return state, 0
		end
		return "damaged", 0
	end
	local sets = {scheduled = KEYS[4], retry = KEYS[5], archived = KEYS[6], completed = KEYS[7]}
	local score = sets[state] and redis.call("ZSCORE", sets[state], ARGV[1])
	if score then
		return state, math.floor(tonumber(score))
	end
	return "damaged", 0
end

local state, at = stateOf()
local summaries = {}
for _, name in ipairs(redis.call("SMEMBERS", KEYS[10])) do
	local fields = redis.call("HMGET", ARGV[3] .. name, ARGV[4], ARGV[5], ARGV[6], ARGV[7])
	if fields[1] then
		summaries[#summaries + 1] = {fields[1], fields[2] or "", fields[3] or "", fields[4] or ""}
	end
end
local cursor = redis.call("HGET", KEYS[9], ARGV[2]) or ""
return {state, at, redis.call("EXISTS", KEYS[8]), cursor, summaries}
