// Command retry is the snippet in Go of the API reference, unchanged below this line.
package main

import (
	"fmt"
	"io"
	"net/http"
)

func main() {
	url := "https://redrive.example.com/v1/execution-webhooks/deliveries/dlv_01M7WV53ZTT50ZVB4VGFWDTC7B/retry"
	req, _ := http.NewRequest("POST", url, nil)
	req.Header.Add("Authorization", "Bearer YOUR_API_KEY")

	res, _ := http.DefaultClient.Do(req)
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body)

	fmt.Println(string(body))
}
