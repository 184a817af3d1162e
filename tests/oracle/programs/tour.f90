! SPDX-License-Identifier: MIT
! What Fortran has: modules, internal procedures, ENTRY points, array expressions, recursion.
module shapes
  implicit none
  type :: point
    real :: x, y
  end type point
contains
  pure real function distance(a, b)
    type(point), intent(in) :: a, b
    distance = sqrt((a%x - b%x)**2 + (a%y - b%y)**2)
  end function distance

  recursive integer function factorial(n) result(f)
    integer, intent(in) :: n
    if (n <= 1) then
      f = 1
    else
      f = n * factorial(n - 1)
    end if
  end function factorial

  subroutine scale(values, by)
    real, intent(inout) :: values(:)
    real, intent(in) :: by
    values = values * by
    where (values > 100.0) values = 100.0
  end subroutine scale
end module shapes

subroutine enter_here(n)
  integer :: n
  n = n + 1
  return
  entry enter_there(n)
  n = n * 2
end subroutine enter_here

program tour
  use shapes
  implicit none
  real :: values(32)
  integer :: i, n
  n = command_argument_count() + 3
  do i = 1, 32
    values(i) = distance(point(i, n), point(n, i))
  end do
  call scale(values, 1.5)
  call enter_here(n)
  call enter_there(n)
  print *, sum(values), factorial(n), inner(n)
contains
  integer function inner(k)
    integer, intent(in) :: k
    inner = k * n + int(values(k))
  end function inner
end program tour
