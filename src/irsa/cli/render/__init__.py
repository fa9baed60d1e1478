"""What people see: the only place that knows colour and width. One kind of result a file."""
