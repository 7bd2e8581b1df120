-- What is known of a task, in one step; what only looks like one is removed.
--
-- KEYS: the task's hash, then pending, active, lease, scheduled, retry, archived, completed
-- ARGV: the task's ID, the lease that is taken away if it is still that one (empty for none), 1 to search the pending list
-- Returns the state, or missing, orphan, phantom; and the time that a sorted set keeps with it, else 0.

if redis.call("EXISTS", KEYS[1]) == 0 then
	return {"missing", 0}
end
local state = redis.call("HGET", KEYS[1], "state")

if redis.call("HEXISTS", KEYS[1], "msg") == 1 then
	if state == "active" then
		local lease = redis.call("ZSCORE", KEYS[4], ARGV[1])
		if lease and tonumber(lease) ~= tonumber(ARGV[2]) then
			return {state, 0}
		end
	elseif state == "pending" then
		-- From the end that workers take from: a task that has waited for long is near it.
		if ARGV[3] == "0" or redis.call("LPOS", KEYS[2], ARGV[1], "RANK", -1) then
			return {state, 0}
		end
	else
		local sets = {scheduled = KEYS[5], retry = KEYS[6], archived = KEYS[7], completed = KEYS[8]}
		local score = sets[state] and redis.call("ZSCORE", sets[state], ARGV[1])
		if score then
			return {state, math.floor(tonumber(score))}
		end
	end
end

redis.call("LREM", KEYS[3], 0, ARGV[1])
if state ~= "active" then
	redis.call("LREM", KEYS[2], 0, ARGV[1])
end
for i = 4, 8 do
	redis.call("ZREM", KEYS[i], ARGV[1])
end
redis.call("DEL", KEYS[1])
if state == "active" then
	return {"orphan", 0}
end
return {"phantom", 0}
