module example.com/lessons

go 1.24
