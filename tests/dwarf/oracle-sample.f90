! SPDX-License-Identifier: MIT
! What oracle-dwarf.py compiles: modules, contained procedures, entries, common blocks.
module shapes
  implicit none
  type :: square
    integer :: size = 1
  contains
    procedure :: area
  end type
contains
  integer function area(self, scale)
    class(square), intent(in) :: self
    integer, intent(in) :: scale
    area = twice(self%size) * scale
  contains
    integer function twice(n)
      integer, intent(in) :: n
      twice = n + n * scale
    end function
  end function
end module

subroutine first(n)
  integer :: n, kept
  common /block/ kept
  kept = n
  return
  entry again(n)
  n = n + kept
end subroutine

program sample
  use shapes
  implicit none
  type(square) :: s
  integer :: n
  n = command_argument_count() + 3
  s%size = n
  call first(n)
  call again(n)
  n = s%area(n) + thrice(n)
  print *, n
contains
  integer function thrice(k)
    integer, intent(in) :: k
    thrice = 3 * k + s%size
  end function
end program
