import requests

url = "https://redrive.example.com/v1/execution-webhooks/deliveries/dlv_01M7WV53ZTT50ZVB4VGFWDTC7B/retry"
headers = {"Authorization": "Bearer YOUR_API_KEY"}

response = requests.post(url, headers=headers)

print(response.text)
