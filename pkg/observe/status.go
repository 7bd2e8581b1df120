package observe

// StatusClasses are the values of a metric label for the class of an HTTP status.
var StatusClasses = [...]string{"none", "1xx", "2xx", "3xx", "4xx", "5xx"}

// StatusClass returns the index in StatusClasses of a status's class. The index of an invalid status, such as 0, is that of "none".
func StatusClass(status int) int {
	if status < 100 || status > 599 {
		return 0
	}
	return status / 100
}
