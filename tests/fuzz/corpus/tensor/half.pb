
*€p€xBx