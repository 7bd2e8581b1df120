package observe

// StatusClasses are the values of a label that holds the class of an HTTP status.
var StatusClasses = [...]string{"none", "1xx", "2xx", "3xx", "4xx", "5xx"}

// StatusClass is the index of the status's class in StatusClasses; no status, and one that is none, is the first.
func StatusClass(status int) int {
	if status < 100 || status > 599 {
		return 0
	}
	return status / 100
}
